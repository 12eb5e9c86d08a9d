// What every screen shares: the site as the daemon last told it, the route, the theme, toasts.
import { client, Refused, SignedOut, Unreachable } from './api/client';
import type { Device, SiteStatus } from './api/generated/wire';
import { has, t, type Key } from './words.svelte';

export type Theme = 'light' | 'dark' | 'projector';

export interface Toast {
  id: number;
  text: string;
  undo: (() => Promise<void>) | undefined;
}

class Site {
  status = $state<SiteStatus>();
  devices = $state.raw<Device[]>([]);
  signedOut = $state(false);
  /** Since when the daemon does not answer. */
  silentSince = $state<number>();
  now = $state(Date.now());
  route = $state(readRoute());
  theme = $state<Theme>(readTheme());
  toasts = $state<Toast[]>([]);
  private nextToast = 0;

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
      if (status.phase !== 'first_run') this.devices = await client.call('device_list', {});
      this.status = status;
      this.silentSince = undefined;
      this.signedOut = false;
    } catch (error) {
      if (error instanceof SignedOut) this.signedOut = true;
      else if (error instanceof Unreachable) this.silentSince ??= Date.now();
      else if (!(error instanceof Refused)) console.warn(error);
    }
    this.now = this.status?.now_ms ?? Date.now();
  }

  choose(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem('courtier.theme', theme);
  }

  toast(text: string, undo?: () => Promise<void>): void {
    const id = (this.nextToast += 1);
    this.toasts.push({ id, text, undo });
    setTimeout(() => this.dismiss(id), 8000);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Runs what a button asks for; a refusal becomes a toast in words. */
  async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      await this.refresh();
    } catch (error) {
      if (error instanceof Refused) this.toast(words(error));
      else if (error instanceof Unreachable) this.toast(t('link_lost_short'));
      else if (error instanceof SignedOut) this.signedOut = true;
      else throw error;
    }
  }
}

/** The sentence of a refusal. */
export function words(refused: Refused): string {
  const key = `problem_${refused.code}`;
  return has(key) ? t(key as Key, { offer: refused.offer ?? '' }) : refused.message;
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

function readTheme(): Theme {
  const stored = localStorage.getItem('courtier.theme');
  if (stored === 'light' || stored === 'dark' || stored === 'projector') return stored;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export const site = new Site();

addEventListener('hashchange', () => {
  site.route = readRoute();
});
