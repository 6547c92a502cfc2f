/** A row of values as the points of an SVG polyline: pure. */

const HEADROOM = 1.15;

/** Spread over the whole width, from zero at the bottom to a little over the greatest at the top. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  const top = Math.max(...values, 1) * HEADROOM;
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  return values
    .map((value, at) => `${(at * step).toFixed(1)},${(height * (1 - value / top)).toFixed(1)}`)
    .join(' ');
}
