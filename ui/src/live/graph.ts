// Graph paper: ticks at every major line, five minors each, drawn before the curve; colours from the theme.
import type uPlot from 'uplot';
import { clock, hour, number } from '../format';

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function graphOptions(width: number, height: number): uPlot.Options {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.8125)}px ${css('--sans') || 'sans-serif'}`;
  const ink = css('--ink-2');
  const line = css('--s-1');
  const axis = { stroke: ink, font, grid: { show: false }, ticks: { show: false } };
  return {
    width: Math.max(50, width),
    height: Math.max(50, height),
    padding: [rem * 0.6, rem * 0.75, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { x: { time: true }, y: { range: (_, low, high) => padded(low, high) } },
    axes: [
      { ...axis, size: rem * 1.6, gap: 3, space: rem * 4, incrs: [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 14_400], values: (_, splits) => splits.map((at) => (withSeconds(splits) ? clock(at * 1000).slice(0, 8) : hour(at * 1000))) },
      { ...axis, size: rem * 3.4, gap: 4, space: rem * 1.5, values: (_, splits) => splits.map((value) => number(value)) },
    ],
    series: [
      {},
      { stroke: line, width: 1, alpha: 0.55, points: { show: false }, spanGaps: false },
      { stroke: line, width: 1, alpha: 0.55, points: { show: false }, spanGaps: false },
      { stroke: line, width: 2, points: { show: false }, spanGaps: false },
    ],
    hooks: { drawClear: [paper], draw: [lastPoint] },
  };
}

const withSeconds = ([first, second]: number[]): boolean => first !== undefined && second !== undefined && second - first < 60;

/** Never forced to zero; a flat line gets room above and below. */
function padded(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = high > low ? (high - low) * 0.12 : Math.max(Math.abs(high) * 0.05, 0.5);
  return [low - room, high + room];
}

function paper(plot: uPlot): void {
  const { ctx, bbox } = plot;
  const draw = (scale: 'x' | 'y', axis: number, name: string, steps: number) => {
    const splits = (plot.axes[axis] as unknown as { _splits?: number[] })._splits ?? [];
    const step = splits.length > 1 ? (splits[1] ?? 0) - (splits[0] ?? 0) : 0;
    if (!step) return;
    ctx.strokeStyle = css(name);
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let value = (splits[0] ?? 0) - step; value <= (splits.at(-1) ?? 0) + step; value += step / steps) {
      const at = Math.round(plot.valToPos(value, scale, true)) + 0.5;
      if (scale === 'x' && at >= bbox.left && at <= bbox.left + bbox.width) { ctx.moveTo(at, bbox.top); ctx.lineTo(at, bbox.top + bbox.height); }
      if (scale === 'y' && at >= bbox.top && at <= bbox.top + bbox.height) { ctx.moveTo(bbox.left, at); ctx.lineTo(bbox.left + bbox.width, at); }
    }
    ctx.stroke();
  };
  ctx.save();
  for (const [name, steps] of [['--graph-1', 5], ['--graph-2', 1]] as const) {
    draw('x', 0, name, steps);
    draw('y', 1, name, steps);
  }
  ctx.restore();
}

function lastPoint(plot: uPlot): void {
  const values = plot.data[3];
  const times = plot.data[0];
  let at = (values?.length ?? 0) - 1;
  while (at >= 0 && (values?.[at] === null || values?.[at] === undefined)) at -= 1;
  const value = values?.[at];
  const time = times[at];
  if (value === null || value === undefined || time === undefined) return;
  const { ctx } = plot;
  ctx.save();
  ctx.fillStyle = css('--s-1');
  ctx.beginPath();
  ctx.arc(plot.valToPos(time, 'x', true), plot.valToPos(value, 'y', true), 4 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fill();
  ctx.restore();
}
