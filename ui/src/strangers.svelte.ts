// Refused clients that are no known device: nobody may be refused without somebody seeing it.
import { client } from './api/client';
import type { Event as SiteEvent } from './api/generated/wire';
import { newest } from './refusals';
import { site } from './site.svelte';

const SHOWN_MS = 15 * 60_000;
const SHOWN = 3;

class Strangers {
  private seen = $state.raw<SiteEvent[]>([]);
  /** The newest refusal of each stranger of the last quarter of an hour. */
  recent = $derived(this.seen.filter((event) => site.now - event.at_ms < SHOWN_MS).slice(0, SHOWN));

  /** Follows the events; each call waits at the daemon until there is one. */
  async watch(signal: AbortSignal): Promise<void> {
    let since = 0;
    while (!signal.aborted) {
      try {
        const page = await client.call('event_list', { since, wait_ms: 20_000, device: null }, signal);
        since = page.next;
        this.seen = newest(this.seen, page.events);
      } catch {
        if (!signal.aborted) await new Promise((again) => setTimeout(again, 2000));
      }
    }
  }
}

export const strangers = new Strangers();
