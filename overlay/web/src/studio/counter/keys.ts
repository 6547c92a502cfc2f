/** What a key asks of the counter. */

/** The nth product of the list (from 0), or no product any more. */
export type PinKey = { readonly pin: number } | 'unpin';

export type KeyPress = Pick<
  KeyboardEvent,
  'key' | 'repeat' | 'altKey' | 'ctrlKey' | 'metaKey' | 'defaultPrevented'
>;

const TYPING: readonly string[] = ['INPUT', 'SELECT', 'TEXTAREA'];

/** `focused` is the tag that has the focus: where somebody types, a digit is a digit. */
export function pinKey(press: KeyPress, focused: string): PinKey | null {
  if (press.defaultPrevented || press.repeat) return null;
  if (press.altKey || press.ctrlKey || press.metaKey) return null;
  if (TYPING.includes(focused.toUpperCase())) return null;
  if (press.key === '0' || press.key === 'Escape') return 'unpin';
  return /^[1-9]$/.test(press.key) ? { pin: Number(press.key) - 1 } : null;
}
