// When a value is fresh, dry, calm or stale (DESIGN §9). Time is handed in.

export type Freshness = 'fresh' | 'dry' | 'calm' | 'stale';

/** Silence after which a value is stale: three times its interval, or 60 s when unknown. */
export function staleAfterMs(beat: number): number {
  return beat > 0 ? Math.max(5000, 3000 / beat) : 60_000;
}

/**
 * `beat` is the rate when the last message came, not the one that fades since.
 * Rows faster than 2/s stay dry instead of blinking (WCAG 2.3.1).
 */
export function freshness(atMs: number, beat: number, nowMs: number): Freshness {
  const age = nowMs - atMs;
  if (age > staleAfterMs(beat)) return 'stale';
  if (beat > 2) return 'dry';
  if (age < 400) return 'fresh';
  return age < 1200 ? 'dry' : 'calm';
}
