// What every screen shares: the site as the daemon last told it, the route, the theme, toasts.
import { client, NotSaved, Refused, SignedOut, Unreachable } from './api/client';
import type { Device, SiteStatus } from './api/generated/wire';
import { has, t } from './words.svelte';

export type Theme = 'light' | 'dark' | 'projector';
export type ThemeChoice = Theme | 'system';

export interface Toast {
  id: number;
  text: string;
  undo: (() => Promise<void>) | undefined;
  /** What happens once it can no longer be undone. */
  settled: (() => Promise<void>) | undefined;
}

/** A daemon that is silent for less than this is only slow. */
const LOST_AFTER_MS = 2500;
const dark = matchMedia('(prefers-color-scheme: dark)');

class Site {
  status = $state.raw<SiteStatus>();
  devices = $state.raw<Device[]>([]);
  signedOut = $state(false);
  /** Since when the daemon does not answer. */
  silentSince = $state<number>();
  route = $state.raw(readRoute());
  choice = $state<ThemeChoice>(rememberedTheme());
  toasts = $state.raw<Toast[]>([]);
  private systemDark = $state(dark.matches);
  private tick = $state(Date.now());
  /** How far the daemon's clock is ahead of ours. */
  private ahead = $state(0);
  /** Devices on their way out: hidden while the toast that can bring them back stands. */
  private leaving = new Set<string>();
  private nextToast = 0;

  theme = $derived<Theme>(this.choice === 'system' ? (this.systemDark ? 'dark' : 'light') : this.choice);
  /** The daemon's time, which goes on while it is silent: what is old must look old. */
  now = $derived(this.tick + this.ahead);
  /** Seconds without an answer; 0 while the daemon is there. */
  lostFor = $derived(this.silentSince === undefined || this.tick - this.silentSince < LOST_AFTER_MS ? 0 : Math.round((this.tick - this.silentSince) / 1000));

  constructor() {
    dark.addEventListener('change', () => (this.systemDark = dark.matches));
    setInterval(() => (this.tick = Date.now()), 1000);
  }

  /** Asks once a second, and tells by itself when the daemon is silent. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.refresh();
      await new Promise((again) => setTimeout(again, 1000));
    }
  }

  async refresh(): Promise<void> {
    try {
      const status = await client.call('site_status', {});
      if (status.phase === 'running' || status.phase === 'stopped') {
        const devices = await client.call('device_list', {});
        this.devices = devices.filter(({ id }) => !this.leaving.has(id));
      }
      this.status = status;
      this.tick = Date.now();
      this.ahead = status.now_ms - this.tick;
      this.silentSince = undefined;
      this.signedOut = false;
    } catch (error) {
      if (error instanceof SignedOut) this.signedOut = true;
      else if (error instanceof Unreachable) this.silentSince ??= Date.now();
      else if (!(error instanceof Refused)) console.warn(error);
    }
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    localStorage.setItem('courtier.theme', choice);
  }

  toast(text: string, undo?: () => Promise<void>, settled?: () => Promise<void>): void {
    this.nextToast += 1;
    this.toasts = [...this.toasts, { id: this.nextToast, text, undo, settled }];
  }

  dismiss(id: number): void {
    const gone = this.toasts.find((toast) => toast.id === id);
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
    if (gone?.settled) void this.attempt(gone.settled);
  }

  undo(toast: Toast): void {
    this.toasts = this.toasts.filter(({ id }) => id !== toast.id);
    if (toast.undo) void this.attempt(toast.undo);
  }

  /**
   * Removes a device, undoably: it is shut out at once, and deleted with its password when the toast
   * goes. If the page is closed before, it stays revoked, which is safe and shows in the list.
   */
  async remove(device: Device): Promise<void> {
    const { id } = device;
    const shutOut = device.state === 'revoked' || device.simulated;
    if (!shutOut) await client.call('device_revoke', { id });
    this.leaving.add(id);
    this.toast(t('removed_toast', { device: id }), async () => {
      this.leaving.delete(id);
      if (!shutOut) await client.call('device_restore', { id });
    }, async () => {
      await client.call('device_remove', { id }).finally(() => this.leaving.delete(id));
    });
  }

  /** Removes many, as `remove` does one: all are shut out at once, and forgotten when the toast goes. */
  async removeMany(devices: readonly Device[]): Promise<void> {
    const ids = devices.map(({ id }) => id);
    const awake = devices.filter(({ state }) => state !== 'revoked').map(({ id }) => id);
    if (awake.length) await client.call('devices_revoke', { ids: awake });
    const back = () => ids.forEach((id) => this.leaving.delete(id));
    ids.forEach((id) => this.leaving.add(id));
    this.toast(t('bulk_removed', { count: ids.length }), async () => {
      back();
      if (awake.length) await client.call('devices_restore', { ids: awake });
    }, async () => {
      await client.call('devices_remove', { ids }).finally(back);
    });
  }

  /** Runs what a button asks for; a refusal becomes a toast in words. */
  async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      await this.refresh();
    } catch (error) {
      if (error instanceof Refused) this.toast(words(error));
      else if (error instanceof Unreachable) this.toast(t('link_lost_short'));
      else if (error instanceof NotSaved) this.toast(t('save_failed', { why: error.message }));
      else if (error instanceof SignedOut) this.signedOut = true;
      else throw error;
    }
  }
}

/** The sentence of a refusal. */
export function words(refused: Refused): string {
  const key = `problem_${refused.code}`;
  if (!has(key)) return refused.message;
  const text = t(key, { offer: refused.offer ?? '' });
  // Which of the doors it is, where there are many.
  const [all, port] = refused.field?.split('.') ?? [];
  const door = all !== 'ports' ? '' : port === 'one' ? 'port_shared' : `port_${port}`;
  return has(door) ? `${text} (${t(door)})` : text;
}

export interface Route {
  path: string;
  query: URLSearchParams;
}

function readRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#/, '').split('?');
  return { path: path || '/home', query: new URLSearchParams(query) };
}

export function go(path: string): void {
  location.hash = path;
}

function rememberedTheme(): ThemeChoice {
  const stored = localStorage.getItem('courtier.theme');
  return stored === 'light' || stored === 'dark' || stored === 'projector' ? stored : 'system';
}

export const site = new Site();

addEventListener('hashchange', () => {
  site.route = readRoute();
});
