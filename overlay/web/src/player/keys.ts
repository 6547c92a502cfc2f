/** What a key asks of the player. */

export type KeyAction = 'play' | 'mute' | 'fullscreen' | 'back' | 'forward' | 'louder' | 'quieter';

export type KeyPress = Pick<
  KeyboardEvent,
  'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'defaultPrevented'
>;

const ACTIONS: Readonly<Record<string, KeyAction>> = {
  ' ': 'play',
  k: 'play',
  m: 'mute',
  f: 'fullscreen',
  ArrowLeft: 'back',
  ArrowRight: 'forward',
  ArrowUp: 'louder',
  ArrowDown: 'quieter',
};

/** `focused` is the tag that has the focus: what it does with a key by itself is left to it. */
export function actionFor(press: KeyPress, focused: string): KeyAction | null {
  if (press.defaultPrevented || press.altKey || press.ctrlKey || press.metaKey) return null;
  const tag = focused.toUpperCase();
  if (tag === 'INPUT' || tag === 'SELECT' || tag === 'TEXTAREA') return null;
  if (press.key === ' ' && (tag === 'BUTTON' || tag === 'A')) return null;
  return ACTIONS[press.key.length === 1 ? press.key.toLowerCase() : press.key] ?? null;
}
