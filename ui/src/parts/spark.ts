export interface Drawn {
  path: string;
  points: { x: number; y: number }[];
  end: { x: number; y: number };
}

export interface Frame {
  width: number;
  height: number;
  pad?: number;
  /** Space above the highest value. */
  top?: number;
  fromZero?: boolean;
  /** How many values the whole width stands for: fewer leave the left empty instead of stretching. */
  slots?: number;
}

/** A polyline through the numbers, from left to right, and its end. */
export function sparkPath(numbers: readonly number[], { width, height, pad = 2, top = pad, fromZero = false, slots = 2 }: Frame): Drawn | undefined {
  if (numbers.length < 2 || !numbers.every(Number.isFinite)) return undefined;
  const low = fromZero ? 0 : Math.min(...numbers);
  const high = Math.max(...numbers, low);
  const span = high - low;
  const step = (width - 2 * pad) / (Math.max(slots, numbers.length) - 1);
  const tenth = (value: number) => Math.round(value * 10) / 10;
  const points = numbers.map((value, at) => ({
    x: tenth(width - pad - (numbers.length - 1 - at) * step),
    // A flat line rests in the middle, unless it lies on the zero of its axis.
    y: tenth(span === 0 && !fromZero ? height / 2 : height - pad - ((value - low) / (span || 1)) * (height - pad - top)),
  }));
  const end = points.at(-1);
  if (!end) return undefined;
  return { path: points.map(({ x, y }, at) => `${at ? 'L' : 'M'}${x} ${y}`).join(''), points, end };
}
