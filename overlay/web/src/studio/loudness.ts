/** How loud a stretch of sound is, on the scale of a level meter: pure. */

/** The bottom of the meter. Speech lies between about −40 and −10 dBFS. */
const FLOOR_DB = -60;

/** 0 at −60 dBFS or below, 1 at full scale, linear in decibels; `samples` are −1 to 1. */
export function loudness(samples: Float32Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  const rms = Math.sqrt(energy / (samples.length || 1));
  if (rms === 0) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(rms)) / FLOOR_DB));
}
