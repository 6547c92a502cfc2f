import { css } from 'lit';

export const controlStyles = css`
  :host {
    display: block;
  }

  .bar {
    display: flex;
    align-items: center;
    gap: 4px;
  }

  .space {
    flex: 1;
  }

  button {
    border: 0;
    background: none;
    color: inherit;
    font: 600 0.95rem/1.2 var(--font-ui, system-ui, sans-serif);
    cursor: pointer;
    touch-action: manipulation;
  }

  button.icon {
    display: grid;
    flex: none;
    place-items: center;
    width: 48px;
    height: 48px;
    border-radius: 50%;
  }

  @media (hover: hover) {
    button.icon:hover,
    .menu button:hover {
      background: rgb(255 255 255 / 16%);
    }
  }

  button.icon[aria-expanded='true'] {
    background: rgb(255 255 255 / 16%);
  }

  svg {
    width: 26px;
    height: 26px;
  }

  :focus-visible {
    outline: 3px solid #8ab8ff;
    outline-offset: 1px;
  }

  .volume {
    width: 92px;
    height: 44px;
    accent-color: #f0b95b;
    cursor: pointer;
  }

  .go-live {
    min-height: 40px;
    margin-left: 6px;
    padding: 0 14px;
    border-radius: 999px;
    background: #f5eee2;
    color: #221d17;
    white-space: nowrap;
  }

  .menu-anchor {
    position: relative;
  }

  .menu {
    position: absolute;
    right: 0;
    bottom: 56px;
    display: grid;
    min-width: 190px;
    padding: 6px;
    border: 1px solid rgb(255 255 255 / 14%);
    border-radius: 14px;
    background: #1e1a15;
    box-shadow: 0 16px 40px rgb(0 0 0 / 55%);
  }

  .menu button {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 44px;
    padding: 0 14px 0 8px;
    border-radius: 9px;
    text-align: left;
    white-space: nowrap;
  }

  .menu .tick {
    display: grid;
    width: 22px;
    color: #f0b95b;
  }

  .menu svg {
    width: 20px;
    height: 20px;
  }

  /* Phones set their volume with their own buttons. */
  @media (pointer: coarse) {
    .volume {
      display: none;
    }
  }

  @container (max-width: 480px) {
    .bar {
      gap: 0;
    }

    .volume,
    .go-live ~ .pip {
      display: none;
    }
  }
`;
