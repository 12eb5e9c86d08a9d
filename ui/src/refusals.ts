import type { Event as SiteEvent } from './api/generated/wire';

/** One event for each stranger, newest first: whoever tries again moves up instead of filling the page. */
export function newest(known: readonly SiteEvent[], events: readonly SiteEvent[]): SiteEvent[] {
  const found = new Map(known.map((event) => [name(event), event]));
  for (const event of events) {
    if (event.device === null && event.refusal) found.set(name(event), event);
  }
  return [...found.values()].sort((a, b) => b.at_ms - a.at_ms).slice(0, 50);
}

/** What a stranger calls itself, else the address it comes from, without the port. */
export function name(event: SiteEvent): string {
  return event.client_id || event.peer?.replace(/:\d+$/, '') || '?';
}
