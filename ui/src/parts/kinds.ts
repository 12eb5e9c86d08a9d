// A small picture and a short name for each kind, for tables.
import Activity from '@lucide/svelte/icons/activity';
import CircuitBoard from '@lucide/svelte/icons/circuit-board';
import Cpu from '@lucide/svelte/icons/cpu';
import Plug from '@lucide/svelte/icons/plug';
import Server from '@lucide/svelte/icons/server';
import Workflow from '@lucide/svelte/icons/workflow';
import type { Kind } from '../api/generated/wire';
import { french, has, t, tongue } from '../words.svelte';

const ICONS: Record<string, typeof Cpu> = {
  'esp32-arduino': Cpu, micropython: CircuitBoard, 'raspberry-python': Server, 'node-red': Workflow, simulated: Activity,
};

export function kindIcon(key: string): typeof Cpu {
  return ICONS[key] ?? Plug;
}

/** "ESP32": as long as a column is wide. */
export function kindShort(key: string): string {
  const word = `kind_${key}_short`;
  return has(word) ? t(word) : key;
}

export function kindName(kind: Kind): string {
  return tongue.language === 'fr' ? french(kind.name_fr) : kind.name_en;
}

export function kindBlurb(kind: Kind): string {
  return tongue.language === 'fr' ? french(kind.blurb_fr) : kind.blurb_en;
}

const CABLES: ReadonlySet<string> = new Set(['microbit']);

/** Whether a board of this kind speaks over a cable to this computer. */
export function byCable(kind: string): boolean {
  return CABLES.has(kind);
}
