import { css } from 'lit';

/** The player is dark in both themes: pictures are judged against black. */
export const playerStyles = css`
  :host {
    --edge-l: max(16px, env(safe-area-inset-left));
    --edge-r: max(16px, env(safe-area-inset-right));
    --top: calc(env(safe-area-inset-top) + 64px);
    --cream: #f5eee2;

    position: relative;
    display: block;
    overflow: hidden;
    container-type: size;
    background: #0c0a08;
    color: var(--cream);
    font: 1rem/1.45 var(--font-ui, system-ui, sans-serif);
    -webkit-tap-highlight-color: transparent;
    user-select: none;
  }

  :host([data-idle]) {
    cursor: none;
  }

  ::slotted(video) {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    object-fit: contain;
  }

  :host([data-fit='cover']) ::slotted(video) {
    object-fit: cover;
  }

  :host([data-fit='top']) ::slotted(video) {
    top: var(--top);
    bottom: auto;
    height: calc(100cqw / var(--ratio));
  }

  .poster {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    object-fit: contain;
  }

  :host([data-fit='cover']) .poster {
    object-fit: cover;
  }

  :host([data-fit='top']) .poster {
    top: var(--top);
    bottom: auto;
    height: calc(100cqw / var(--ratio));
  }

  .poster + .cover.plate {
    background: rgb(12 10 8 / 45%);
    text-shadow: 0 1px 6px rgb(0 0 0 / 80%);
  }

  .cover {
    position: absolute;
    inset: 0;
    display: grid;
    place-items: center;
    padding: 72px 24px 96px;
    text-align: center;
  }

  .cover.none {
    display: none;
  }

  .cover.scrim {
    background: rgb(12 10 8 / 62%);
  }

  /* The empty counter: a lamp above, wood below. */
  .cover.plate {
    background:
      radial-gradient(70% 46% at 50% 30%, rgb(240 185 91 / 20%), transparent 70%),
      linear-gradient(#0000 74%, #2b2016 74%, #1a130d 76%, #120d09),
      linear-gradient(#16241f, #0f1714 74%);
  }

  :host([data-fit='top']) .cover.scrim {
    inset: var(--top) 0 auto;
    height: calc(100cqw / var(--ratio));
    padding: 12px 20px;
  }

  .card {
    display: grid;
    justify-items: center;
    gap: 10px;
    max-width: 30rem;
  }

  .card strong {
    font: 600 clamp(1.35rem, 5cqw, 2rem) / 1.2 var(--font-display, Georgia, serif);
    text-wrap: balance;
  }

  .card span {
    color: #d6cbb9;
    text-wrap: balance;
  }

  .card img {
    width: 60px;
    height: 60px;
    margin-bottom: 6px;
  }

  .spinner {
    width: 38px;
    height: 38px;
    border: 3px solid rgb(255 255 255 / 22%);
    border-top-color: #f0b95b;
    border-radius: 50%;
    animation: turn 0.9s linear infinite;
  }

  @keyframes turn {
    to {
      rotate: 1turn;
    }
  }

  .top,
  .bottom {
    position: absolute;
    right: 0;
    left: 0;
    transition: opacity 0.25s;
  }

  .top {
    top: 0;
    display: flex;
    align-items: center;
    gap: 12px;
    min-height: var(--top);
    padding: calc(env(safe-area-inset-top) + 10px) var(--edge-r) 10px var(--edge-l);
    background: linear-gradient(rgb(12 10 8 / 78%), rgb(12 10 8 / 0%));
  }

  h1 {
    flex: 1;
    min-width: 0;
    margin: 0;
    overflow: hidden;
    font: 600 1.15rem/1.3 var(--font-display, Georgia, serif);
    text-overflow: ellipsis;
    text-shadow: 0 1px 3px rgb(0 0 0 / 60%);
    white-space: nowrap;
  }

  .air {
    display: flex;
    flex: none;
    align-items: center;
    gap: 10px;
    font-size: 0.9rem;
    text-shadow: 0 1px 3px rgb(0 0 0 / 70%);
    font-variant-numeric: tabular-nums;
  }

  .pill {
    display: inline-flex;
    align-items: center;
    gap: 7px;
    padding: 4px 12px;
    border-radius: 999px;
    background: #b3261e;
    color: #fff;
    font-weight: 700;
    letter-spacing: 0.02em;
    text-shadow: none;
    white-space: nowrap;
  }

  .pill::before {
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: currentColor;
    content: '';
  }

  .pill.past {
    background: rgb(60 54 46 / 90%);
  }

  .bottom {
    bottom: 0;
    padding: 40px calc(var(--edge-r) - 8px) calc(env(safe-area-inset-bottom) + 8px)
      calc(var(--edge-l) - 8px);
    background: linear-gradient(rgb(12 10 8 / 0%), rgb(12 10 8 / 82%));
  }

  .over {
    position: absolute;
    bottom: calc(env(safe-area-inset-bottom) + 76px);
    left: var(--edge-l);
    width: min(400px, 100% - var(--edge-l) - var(--edge-r));
    pointer-events: none;
  }

  .prompt {
    position: absolute;
    bottom: calc(env(safe-area-inset-bottom) + 84px);
    left: 50%;
    display: inline-flex;
    align-items: center;
    gap: 10px;
    min-height: 52px;
    padding: 0 24px 0 20px;
    border: 0;
    border-radius: 999px;
    background: var(--cream);
    box-shadow: 0 10px 30px rgb(0 0 0 / 45%);
    color: #221d17;
    font: 650 1.05rem/1.2 var(--font-ui, system-ui, sans-serif);
    white-space: nowrap;
    cursor: pointer;
    translate: -50% 0;
    touch-action: manipulation;
  }

  :host([data-reach]) .over {
    bottom: calc(env(safe-area-inset-bottom) + 106px);
  }

  :host([data-reach]) .prompt {
    bottom: calc(env(safe-area-inset-bottom) + 114px);
  }

  /* A telephone on its side: the title stays free. */
  @media (max-height: 460px) {
    :host([data-reach]) .over {
      bottom: calc(env(safe-area-inset-bottom) + 82px);
    }
  }

  .prompt:hover {
    background: #fff;
  }

  .prompt svg {
    width: 24px;
    height: 24px;
  }

  .prompt:focus-visible {
    outline: 3px solid #8ab8ff;
    outline-offset: 3px;
  }

  :host([data-fit='top']) .top,
  :host([data-fit='top']) .bottom {
    background: none;
  }

  :host([data-fit='top']) h1 {
    position: absolute;
    top: calc(var(--top) + 100cqw / var(--ratio) + 18px);
    right: var(--edge-r);
    left: var(--edge-l);
    display: -webkit-box;
    font-size: 1.45rem;
    white-space: normal;
    -webkit-line-clamp: 3;
    -webkit-box-orient: vertical;
  }

  :host([data-fit='top']) .air {
    flex: 1;
    justify-content: flex-end;
  }

  :host([data-idle]:not([data-fit='top'])) .top,
  :host([data-idle]:not([data-fit='top'])) .bottom:not(:focus-within) {
    opacity: 0;
    pointer-events: none;
  }

  /* The way to the cart stays. */
  :host([data-idle]:not([data-fit='top'])) .top {
    opacity: 1;
    background: none;
  }

  :host([data-idle]:not([data-fit='top'])) .top > :not(slot),
  :host([data-idle]:not([data-fit='top'])) ::slotted([slot='brand']) {
    opacity: 0;
  }

  .top > *,
  ::slotted([slot='brand']) {
    transition: opacity 0.25s;
  }

  .top slot[name='actions'] {
    pointer-events: auto;
  }

  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  /* Upright pictures leave little room: the title goes below the brand and the pill. */
  @container (max-width: 520px) {
    :host(:not([data-fit='top'])) .top {
      flex-wrap: wrap;
      justify-content: space-between;
    }

    :host(:not([data-fit='top'])) h1 {
      flex: 1 0 100%;
      order: 1;
    }
  }

  @container (max-width: 1000px) {
    :host([data-card]:not([data-fit='top'])) .prompt {
      top: calc(var(--top) + 44px);
      bottom: auto;
    }

    :host([data-card][data-fit='top']) .prompt {
      top: calc(var(--top) + 100cqw / var(--ratio) - 66px);
      bottom: auto;
    }
  }

  @media (prefers-reduced-motion: reduce) {
    .spinner {
      animation: none;
      border-color: #f0b95b;
      border-style: dotted;
    }

    .top,
    .top > *,
    ::slotted([slot='brand']),
    .bottom {
      transition: none;
    }
  }
`;
