// When a value is fresh, dry, calm or stale (DESIGN §9). Time is handed in.

export type Freshness = 'fresh' | 'dry' | 'calm' | 'stale';

/** Seconds of silence after which a value is stale: three times its interval, or 60 s when unknown. */
export function staleAfterMs(rate: number): number {
  return rate > 0 ? Math.max(5000, 3000 / rate) : 60_000;
}

/** Rows faster than 2/s stay dry instead of blinking (WCAG 2.3.1). */
export function freshness(atMs: number, rate: number, nowMs: number): Freshness {
  const age = nowMs - atMs;
  if (age > staleAfterMs(rate)) return 'stale';
  if (rate > 2) return 'dry';
  if (age < 400) return 'fresh';
  return age < 1200 ? 'dry' : 'calm';
}
