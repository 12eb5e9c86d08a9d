import type { Device } from '../api/generated/wire';

/** The page of what a simulated device says: a curve to look at, without a search for it. */
export const simulatedPage = (device: Device | undefined): string =>
  device ? `/live?topic=${encodeURIComponent(`${device.branch}/measures`)}` : '/live';
