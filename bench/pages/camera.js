// Replaces the camera and microphone of a page by a canvas that paints the time into each frame and
// an oscillator that beeps at each full second. Runs before the page's own scripts.
// The timecode is that of mediaserver/demo/timecode.py; the picture is WIDTH x HEIGHT at FPS.
// window.benchPresses notes each key that is pressed, and the number of the frame that the camera
// had painted last at that moment.
(() => {
  const WIDTH = 854, HEIGHT = 480, FPS = 30;
  const COLUMNS = 32, CELL = Math.floor(WIDTH / 40 / 2) * 2;
  const BEEP_MS = 80;
  const KEPT_PAINTS = 64;

  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d", { alpha: false });
  const videoTracks = new Set();
  const paints = [];
  const presses = (window.benchPresses = []);
  let counter = 0;
  let timer = null;
  let audio = null;

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

  function codeBytes(unixMs, count) {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, unixMs % 2 ** 32);
    view.setUint16(4, count % 65536);
    view.setUint16(6, crc16(new Uint8Array(view.buffer, 0, 6)));
    return new Uint8Array(view.buffer);
  }

  function paintTimecode(unixMs) {
    const bytes = codeBytes(unixMs, counter);
    context.fillStyle = "#000";
    context.fillRect(1.5 * CELL, 0.5 * CELL, (COLUMNS + 1) * CELL, 3 * CELL);
    context.fillStyle = "#fff";
    for (let bit = 0; bit < 64; bit++) {
      if (bytes[bit >> 3] & (0x80 >> (bit & 7))) {
        const x = (2 + (bit % COLUMNS)) * CELL, y = (1 + Math.floor(bit / COLUMNS)) * CELL;
        context.fillRect(x, y, CELL, CELL);
      }
    }
  }

  function paint() {
    const unixMs = Date.now();
    const hue = (unixMs / 40) % 360;
    context.fillStyle = `hsl(${hue} 35% 35%)`;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    for (let disc = 0; disc < 6; disc++) {
      const angle = unixMs / (700 + 190 * disc) + disc;
      context.fillStyle = `hsl(${hue + 50 * disc} 70% 60%)`;
      context.beginPath();
      context.arc(
        WIDTH * (0.5 + 0.4 * Math.sin(angle)),
        HEIGHT * (0.6 + 0.25 * Math.cos(1.3 * angle)), 34, 0, 2 * Math.PI);
      context.fill();
    }
    context.fillStyle = unixMs % 1000 < BEEP_MS ? "#fff" : "#000";
    context.fillRect(36 * CELL, 0.5 * CELL, 3 * CELL, 3 * CELL);
    paintTimecode(unixMs);
    paints.push({ counter, at: performance.now() });
    if (paints.length > KEPT_PAINTS) paints.shift();
    counter = (counter + 1) % 65536;
    for (const track of videoTracks) {
      if (track.readyState === "live") track.requestFrame();
      else videoTracks.delete(track);
    }
  }

  function videoTrack() {
    const [track] = canvas.captureStream(0).getVideoTracks();
    videoTracks.add(track);
    timer ??= setInterval(paint, 1000 / FPS);
    return track;
  }

  function audioTrack() {
    audio ??= makeAudio();
    return audio.stream.getAudioTracks()[0].clone();
  }

  function makeAudio() {
    const sound = new AudioContext({ sampleRate: 48000 });
    const oscillator = new OscillatorNode(sound, { frequency: 1000 });
    const gain = new GainNode(sound, { gain: 0 });
    const out = sound.createMediaStreamDestination();
    oscillator.connect(gain).connect(out);
    oscillator.start();
    let scheduled = 0;
    setInterval(() => {
      const now = Date.now(), second = Math.floor(now / 1000) + 1;
      if (second === scheduled) return;
      scheduled = second;
      const at = sound.currentTime + (second * 1000 - now) / 1000;
      gain.gain.setValueAtTime(0.25, at);
      gain.gain.setValueAtTime(0, at + BEEP_MS / 1000);
    }, 250);
    return out;
  }

  addEventListener("keydown", (event) => {
    const paint = paints.findLast(({ at }) => at <= event.timeStamp);
    if (!event.repeat) {
      presses.push({
        key: event.key, counter: paint?.counter ?? null, late: performance.now() - event.timeStamp,
      });
    }
  }, { capture: true });

  const media = navigator.mediaDevices;
  if (!media) return;
  media.getUserMedia = async (constraints) => {
    const tracks = [];
    if (constraints?.video) tracks.push(videoTrack());
    if (constraints?.audio) tracks.push(audioTrack());
    return new MediaStream(tracks);
  };
  media.enumerateDevices = async () =>
    [["videoinput", "Painted camera"], ["audioinput", "Beeping microphone"]].map(
      ([kind, label]) => ({ kind, label, deviceId: kind, groupId: "bench", toJSON() { return this; } }));
})();
