/** A polyline through the numbers, from left to right, and its end. */
export function sparkPath(numbers: readonly number[], width: number, height: number, pad = 2, fromZero = false): { path: string; x: number; y: number } | undefined {
  if (numbers.length < 2) return undefined;
  const low = fromZero ? 0 : Math.min(...numbers);
  const high = Math.max(...numbers, low);
  const span = high - low || 1;
  const point = (value: number, at: number) => ({
    x: Math.round(((at * (width - 2 * pad)) / (numbers.length - 1) + pad) * 10) / 10,
    y: Math.round((height - pad - ((value - low) / span) * (height - 2 * pad)) * 10) / 10,
  });
  const points = numbers.map(point);
  const end = points.at(-1);
  if (!end) return undefined;
  return { path: points.map(({ x, y }, at) => `${at ? 'L' : 'M'}${x} ${y}`).join(''), ...end };
}
