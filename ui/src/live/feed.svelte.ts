// The live loop: asks for the visible rows, draws, asks again, at most ten times a second.
import { client, SignedOut } from '../api/client';
import { site } from '../site.svelte';
import { applied, BadFrame, decode, type Detail, type Frame, type Row } from './frame';

const BEAT_MS = 100;
export const WINDOW_ROWS = 120;

export class Feed {
  rows = $state.raw<Row[]>([]);
  frame = $state.raw<Frame>();
  detail = $state.raw<Detail>();
  search = $state('');
  payloadSearch = $state('');
  offset = $state(0);
  selected = $state<string>();
  /** Open branches; undefined until the user opens or closes one. */
  open = $state.raw<Set<string>>();
  frozen = $state(false);
  /** Messages in all when the picture was frozen, and now. */
  frozenAt = $state(0);
  total = $state(0);
  /** The time of the daemon: goes on when no frame comes, or nothing would ever look old. */
  nowMs = $state(0);
  private drawnAt = 0;
  private asked = '';
  private abort: AbortController | undefined;

  freeze(): void {
    this.frozen = !this.frozen;
    this.frozenAt = this.frame?.messages ?? 0;
    this.abort?.abort();
  }

  /** Something else is wanted: the pending question is dropped and asked anew. */
  wanted(): void {
    if (this.key() !== this.asked) this.abort?.abort();
  }

  private key(): string {
    return JSON.stringify([this.search, this.payloadSearch, this.offset, this.selected, this.open ? [...this.open] : null, this.frozen]);
  }

  async run(ended: AbortSignal): Promise<void> {
    const timer = setInterval(() => {
      if (this.frame && !this.frozen) this.nowMs = this.frame.nowMs + performance.now() - this.drawnAt;
    }, 500);
    ended.addEventListener('abort', () => clearInterval(timer));
    while (!ended.aborted) {
      if (document.hidden) {
        await pause(500);
        continue;
      }
      const began = performance.now();
      await this.round(ended);
      await pause(Math.max(0, BEAT_MS - (performance.now() - began)));
    }
  }

  private async round(ended: AbortSignal): Promise<void> {
    this.asked = this.key();
    this.abort = new AbortController();
    const stop = () => this.abort?.abort();
    ended.addEventListener('abort', stop);
    const known = this.frozen ? undefined : this.frame;
    try {
      const buffer = await client.live({
        since: known?.version ?? 0, layout: known?.layout ?? 0, search: this.search, payload_search: this.payloadSearch,
        open: this.open ? [...this.open] : null, offset: Math.max(0, this.offset), limit: this.frozen ? 1 : WINDOW_ROWS, selected: this.frozen ? null : (this.selected ?? null),
      }, this.abort.signal);
      const frame = decode(buffer);
      this.total = frame.messages;
      // A frozen picture only counts what arrives.
      if (this.frozen) await pause(1000);
      else this.draw(frame);
    } catch (error) {
      if (error instanceof SignedOut) site.signedOut = true;
      else if (!(error instanceof DOMException)) {
        // What cannot be read is asked for anew and whole.
        if (error instanceof BadFrame) this.frame = undefined;
        await pause(1000);
      }
    } finally {
      ended.removeEventListener('abort', stop);
    }
  }

  private draw(frame: Frame): void {
    this.rows = applied(this.rows, frame);
    this.frame = frame;
    this.nowMs = frame.nowMs;
    this.drawnAt = performance.now();
    if (frame.detail || !this.selected) this.detail = frame.detail;
  }

  /** Opens or closes a branch; the first time, what is open by default becomes the set. */
  toggle(topic: string, openRow: boolean): void {
    const next = new Set(this.open ?? this.rows.filter((row) => row.open).map((row) => row.topic));
    if (openRow) next.delete(topic);
    else next.add(topic);
    this.open = next;
    this.wanted();
  }
}

const pause = (ms: number) => new Promise((over) => setTimeout(over, ms));
