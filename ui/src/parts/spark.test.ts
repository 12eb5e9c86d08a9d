import { describe, expect, it } from 'vitest';
import { sparkPath } from './spark';

const box = { width: 72, height: 18 };

describe('a sparkline', () => {
  it('needs two numbers, and nothing that is not one', () => {
    expect(sparkPath([], box)).toBeUndefined();
    expect(sparkPath([1], box)).toBeUndefined();
    expect(sparkPath([1, Number.NaN], box)).toBeUndefined();
  });

  it('ends at the right and takes only the room of the time it stands for', () => {
    const drawn = sparkPath([1, 2, 3], { ...box, slots: 60 });
    expect(drawn?.end).toEqual({ x: 70, y: 2 });
    expect(drawn?.points[0]?.x).toBeCloseTo(70 - 2 * (68 / 59), 1);
    expect(sparkPath([1, 2, 3], box)?.points[0]?.x).toBe(2);
  });

  it('lies flat in the middle when nothing changes, and on the ground when it counts nothing', () => {
    expect(sparkPath([5, 5], box)?.end.y).toBe(9);
    expect(sparkPath([0, 0], { ...box, fromZero: true })?.end.y).toBe(16);
  });

  it('from zero keeps the proportions', () => {
    const drawn = sparkPath([5, 10], { ...box, fromZero: true });
    expect(drawn?.points.map(({ y }) => y)).toEqual([9, 2]);
  });
});
