/** The run of show as a value: a queue of moments, each with up to three products. Pure. */

import { asList, asMap, isText, textOr, texts } from '../../shared/checks';
import { MAX_SHOWN } from '../../shared/shop';

export interface RunItem {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly products: readonly string[];
  readonly done: boolean;
}

const MAX_ITEMS = 200;

/** The queue in an answer of the server. */
export function parseRun(value: unknown): readonly RunItem[] {
  const map = asMap(value) ?? {};
  const items = Array.isArray(map['items']) ? map['items'] : asMap(map['run'])?.['items'];
  return asList(items)
    .slice(0, MAX_ITEMS)
    .flatMap((item) => {
      const { id, title, note, products, done } = asMap(item) ?? {};
      if (!isText(id)) return [];
      return [
        {
          id,
          title: textOr(title, ''),
          note: textOr(note, ''),
          products: texts(products, MAX_SHOWN),
          done: done === true,
        },
      ];
    });
}

/** The item moved to stand at `index`. */
export function moved(run: readonly RunItem[], id: string, index: number): readonly RunItem[] {
  const item = run.find((each) => each.id === id);
  if (item === undefined) return run;
  const others = run.filter((each) => each.id !== id);
  return others.toSpliced(Math.max(0, Math.min(index, others.length)), 0, item);
}

export function changed(
  run: readonly RunItem[],
  id: string,
  change: Partial<RunItem>,
): readonly RunItem[] {
  return run.map((item) => (item.id === id ? { ...item, ...change } : item));
}
