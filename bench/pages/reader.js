// Reads the painted timecode of every frame that a page's video presents: window.benchFrames.
// With each frame it notes the cues that the page shows beside it: those of our cards
// (data-cue-id), and those that hls.js made from emsg boxes and from EXT-X-DATERANGE tags.
// Runs before the page's own scripts and waits for a <video>.
(() => {
  const PAINTED_WIDTH = 854, COLUMNS = 32, ROWS = 2, SAMPLE = 4, MOST_FRAMES = 20000;
  const frames = (window.benchFrames = []);
  const stalls = (window.benchStalls = []);
  const canvas = document.createElement("canvas");
  canvas.width = COLUMNS * SAMPLE;
  canvas.height = ROWS * SAMPLE;
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });

  function crc16(bytes) {
    let crc = 0xffff;
    for (const byte of bytes) {
      crc ^= byte << 8;
      for (let bit = 0; bit < 8; bit++) {
        crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
      }
    }
    return crc;
  }

  function read(video) {
    const cell = (Math.floor(PAINTED_WIDTH / 40 / 2) * 2 * video.videoWidth) / PAINTED_WIDTH;
    context.drawImage(video, 2 * cell, cell, COLUMNS * cell, ROWS * cell,
      0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const bytes = new Uint8Array(8);
    for (let bit = 0; bit < COLUMNS * ROWS; bit++) {
      const left = (bit % COLUMNS) * SAMPLE + 1, top = Math.floor(bit / COLUMNS) * SAMPLE + 1;
      let sum = 0;
      for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
        sum += data[4 * ((top + dy) * canvas.width + left + dx) + 1];
      }
      if (sum > 4 * 127.5) bytes[bit >> 3] |= 0x80 >> (bit & 7);
    }
    const view = new DataView(bytes.buffer);
    if (view.getUint16(6) !== crc16(bytes.subarray(0, 6))) return null;
    return { painted: view.getUint32(0), counter: view.getUint16(4) };
  }

  function cards(root) {
    const found = [...root.querySelectorAll("[data-cue-id]")]
      .filter((card) => card.checkVisibility()).map((card) => card.dataset.cueId);
    const inner = [...root.querySelectorAll("*")].filter((each) => each.shadowRoot);
    return [...found, ...inner.flatMap((each) => cards(each.shadowRoot))];
  }

  function tracked(video, mediaTime) {
    const ids = { emsg: [], dateRange: [] };
    for (const track of video.textTracks) {
      if (track.kind !== "metadata") continue;
      for (const cue of track.cues ?? []) {
        if (mediaTime < cue.startTime - 0.001 || mediaTime >= cue.endTime - 0.001) continue;
        if (cue.value?.info === "comptoir.cue") {
          ids.emsg.push(new TextDecoder().decode(cue.value.data));
        } else if (cue.value?.key === "X-COMPTOIR-CUE") {
          ids.dateRange.push(atob(cue.value.data.replaceAll("-", "+").replaceAll("_", "/")));
        }
      }
    }
    return ids;
  }

  function follow(video) {
    const next = (now, meta) => {
      const code = read(video);
      const shownAt = Date.now() - performance.now() + meta.expectedDisplayTime;
      if (frames.length < MOST_FRAMES) {
        const frame = {
          painted: code?.painted ?? null, counter: code?.counter ?? null, shownAt,
          mediaTime: meta.mediaTime, height: video.videoHeight, presented: meta.presentedFrames,
          cards: [], ...tracked(video, meta.mediaTime),
        };
        frames.push(frame);
        // These run in the same rendering step, after all video frame callbacks of the page.
        requestAnimationFrame(() => (frame.cards = cards(document)));
      }
      video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    video.addEventListener("waiting", () => stalls.push(Date.now()));
  }

  const found = new WeakSet();
  function look() {
    for (const video of document.querySelectorAll("video")) {
      if (!found.has(video)) {
        found.add(video);
        follow(video);
      }
    }
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  look();
})();
