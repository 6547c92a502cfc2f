import { css } from 'lit';

export const seekBarStyles = css`
  :host {
    position: relative;
    display: block;
    margin: 0 8px 2px;
  }

  input {
    display: block;
    width: 100%;
    height: 28px;
    margin: 0;
    appearance: none;
    background: none;
    cursor: pointer;
    touch-action: pan-y;
  }

  input::-webkit-slider-runnable-track {
    height: 5px;
    border-radius: 3px;
    background: var(--track);
  }

  input::-moz-range-track {
    height: 5px;
    border-radius: 3px;
    background: var(--track);
  }

  input::-webkit-slider-thumb {
    width: 17px;
    height: 17px;
    margin-top: -6px;
    appearance: none;
    border: 0;
    border-radius: 50%;
    background: #f5eee2;
    box-shadow: 0 1px 4px rgb(0 0 0 / 60%);
  }

  input::-moz-range-thumb {
    width: 17px;
    height: 17px;
    border: 0;
    border-radius: 50%;
    background: #f5eee2;
    box-shadow: 0 1px 4px rgb(0 0 0 / 60%);
  }

  input:focus-visible {
    outline: 3px solid #8ab8ff;
    outline-offset: 1px;
    border-radius: 8px;
  }

  .preview {
    position: absolute;
    bottom: 34px;
    left: clamp(var(--half), var(--at), calc(100% - var(--half)));
    display: grid;
    justify-items: center;
    gap: 5px;
    padding: 5px;
    border-radius: 10px;
    background: rgb(18 15 12 / 92%);
    box-shadow: 0 8px 24px rgb(0 0 0 / 50%);
    font: 600 0.85rem/1.2 var(--font-ui, system-ui, sans-serif);
    font-variant-numeric: tabular-nums;
    pointer-events: none;
    translate: -50% 0;
  }

  .preview {
    --half: 88px;
  }

  .preview.bare {
    --half: 34px;
    padding: 5px 10px;
  }

  .preview img {
    display: block;
    max-width: 160px;
    max-height: 120px;
    border-radius: 6px;
  }
`;
