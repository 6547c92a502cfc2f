/** The player's words for each phase. */

import type { MessageKey } from '../shared/i18n';
import { number, t } from '../shared/i18n';
import type { Phase } from './machine';

/** `plate` hides the picture, `scrim` dims it, `none` leaves it alone. */
export type Cover = 'plate' | 'scrim' | 'none';

export interface Status {
  readonly text: MessageKey;
  readonly hint: MessageKey | null;
  readonly busy: boolean;
  readonly cover: Cover;
}

const STATUS: Readonly<Record<Phase, Status>> = {
  connecting: { text: 'player.connecting', hint: null, busy: true, cover: 'plate' },
  waiting: { text: 'player.waiting', hint: 'player.waiting.hint', busy: false, cover: 'plate' },
  live: { text: 'player.live.spoken', hint: null, busy: false, cover: 'none' },
  away: { text: 'player.away', hint: 'player.away.hint', busy: true, cover: 'scrim' },
  reconnecting: {
    text: 'player.reconnecting',
    hint: 'player.reconnecting.hint',
    busy: true,
    cover: 'scrim',
  },
  busy: { text: 'player.busy', hint: 'player.busy.hint', busy: true, cover: 'plate' },
  ended: { text: 'player.ended', hint: 'player.ended.hint', busy: false, cover: 'plate' },
  unknown: { text: 'player.unknown', hint: 'player.unknown.hint', busy: false, cover: 'plate' },
  unsupported: {
    text: 'player.unsupported',
    hint: 'player.unsupported.hint',
    busy: false,
    cover: 'plate',
  },
};

export function statusOf(phase: Phase): Status {
  return STATUS[phase];
}

/** `about 1.5 s behind`, in halves of a second: more would pretend to more than is known. */
export function delayText(behindS: number): string {
  const seconds = Math.max(0.5, Math.round(behindS * 2) / 2);
  return t('player.delay', { seconds: number(seconds, 1) });
}
