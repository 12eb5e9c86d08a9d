// A chart's data: what the recorder knows, with what arrived since put behind it.
import type { Series } from '../api/generated/wire';

export interface Curve {
  /** Seconds, as the chart wants them; a null value breaks the line. */
  at: number[];
  low: (number | null)[];
  high: (number | null)[];
  last: (number | null)[];
}

/** Two neighbours further apart than this are not joined: three times the usual distance, at least 5 s. */
export function gapSeconds(at: readonly number[]): number {
  const steps: number[] = [];
  for (let index = 1; index < at.length; index += 1) steps.push((at[index] ?? 0) - (at[index - 1] ?? 0));
  steps.sort((a, b) => a - b);
  return Math.max(5, 3 * (steps[Math.floor(steps.length / 2)] ?? 0));
}

/** Lines break at recording gaps and where the series was silent: a chart must not invent points. */
export function curve(series: Series, live: readonly { atMs: number; value: number }[]): Curve {
  const at = series.at_ms.map((ms) => ms / 1000);
  const values = series.at_ms.map((_, index) => ({ low: series.min[index] ?? 0, high: series.max[index] ?? 0, last: series.last[index] ?? 0 }));
  const end = at.at(-1) ?? -Infinity;
  for (const point of live) {
    if (point.atMs / 1000 > end) {
      at.push(point.atMs / 1000);
      values.push({ low: point.value, high: point.value, last: point.value });
    }
  }
  const gap = gapSeconds(at);
  const out: Curve = { at: [], low: [], high: [], last: [] };
  const push = (time: number, low: number | null, high: number | null, last: number | null) => {
    out.at.push(time);
    out.low.push(low);
    out.high.push(high);
    out.last.push(last);
  };
  at.forEach((time, index) => {
    const before = at[index - 1];
    if (before !== undefined) {
      const lost = series.gaps.some(([from, until]) => from / 1000 < time && until / 1000 > before);
      if (lost || time - before > gap) push(before + (time - before) / 2, null, null, null);
    }
    const value = values[index];
    if (value) push(time, value.low, value.high, value.last);
  });
  return out;
}

export interface Extremes {
  min: number;
  minAt: number;
  max: number;
  maxAt: number;
}

/** The lowest and the highest value with their times in seconds; columns keep both. */
export function extremesOf({ at, low, high }: Curve): Extremes | undefined {
  let found: Extremes | undefined;
  at.forEach((time, index) => {
    const [least, most] = [low[index], high[index]];
    if (least === null || least === undefined || most === null || most === undefined) return;
    found ??= { min: least, minAt: time, max: most, maxAt: time };
    if (least < found.min) [found.min, found.minAt] = [least, time];
    if (most > found.max) [found.max, found.maxAt] = [most, time];
  });
  return found;
}
