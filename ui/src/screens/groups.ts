import type { Device } from '../api/generated/wire';

/** Devices by group, both in the order people expect. */
export function groups(devices: readonly Device[]): [string, Device[]][] {
  const natural = new Intl.Collator('fr', { numeric: true });
  const found = new Map<string, Device[]>();
  for (const device of [...devices].sort((a, b) => natural.compare(a.id, b.id))) {
    const group = found.get(device.group);
    if (group) group.push(device);
    else found.set(device.group, [device]);
  }
  return [...found].sort(([a], [b]) => natural.compare(a, b));
}
