// Kinds of devices: a small picture and a short name for tables, families and search for the wizard.
import Activity from '@lucide/svelte/icons/activity';
import CircuitBoard from '@lucide/svelte/icons/circuit-board';
import Cpu from '@lucide/svelte/icons/cpu';
import Globe from '@lucide/svelte/icons/globe';
import House from '@lucide/svelte/icons/house';
import Plug from '@lucide/svelte/icons/plug';
import RadioTower from '@lucide/svelte/icons/radio-tower';
import Server from '@lucide/svelte/icons/server';
import Smartphone from '@lucide/svelte/icons/smartphone';
import SquareTerminal from '@lucide/svelte/icons/square-terminal';
import Usb from '@lucide/svelte/icons/usb';
import Workflow from '@lucide/svelte/icons/workflow';
import type { Kind, KindCategory } from '../api/generated/wire';
import { french, has, t, tongue } from '../words.svelte';

const ICONS: Record<string, typeof Cpu> = {
  'esp32-arduino': Cpu, 'esp8266-arduino': Cpu, 'esp-idf': Cpu, 'arduino-wifi': Cpu,
  micropython: CircuitBoard, circuitpython: CircuitBoard, m5stack: CircuitBoard, microbit: Usb,
  'raspberry-python': Server, telegraf: Server, shell: SquareTerminal, browser: Globe, 'node-red': Workflow,
  'home-assistant': House, esphome: House, tasmota: House, shelly: House,
  phyphox: Smartphone, owntracks: Smartphone, zigbee2mqtt: RadioTower, chirpstack: RadioTower,
  simulated: Activity,
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

/** How it can come in, and what it asks of the room, in one line. */
export function kindFacts(kind: Kind): string {
  const facts = kind.transports.map((transport) => t(`transport_${transport}`));
  if (kind.needs_clock) facts.push(t('kind_clock'));
  if (!kind.simulated && !kind.transports.includes('usb')) facts.push(t(kind.resolves_names ? 'kind_names' : 'kind_address'));
  return facts.join(' · ');
}

/** What the wizard shows at once: the most used, or all of one category. */
export type Family = 'common' | KindCategory;
const FAMILIES: readonly Family[] = ['common', 'boards', 'phones', 'computers', 'home', 'gateways', 'other'];

export function ofFamily(kinds: readonly Kind[], family: Family): Kind[] {
  return kinds.filter((kind) => (family === 'common' ? kind.common : kind.category === family));
}

export function families(kinds: readonly Kind[]): Family[] {
  return FAMILIES.filter((family) => ofFamily(kinds, family).length > 0);
}

/** Without accents and capitals: "Prise Zigbée" is found by "zigbee". */
function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{Mn}/gu, '').toLowerCase();
}

/** Kinds in which every word of the question occurs, in either language. */
export function found(kinds: readonly Kind[], question: string): Kind[] {
  const words = plain(question).split(/\s+/).filter(Boolean);
  const text = (kind: Kind) => plain([kind.name_fr, kind.name_en, kind.blurb_fr, kind.blurb_en, ...kind.search].join(' '));
  return kinds.filter((kind) => words.every((word) => text(kind).includes(word)));
}

const CABLES: ReadonlySet<string> = new Set(['microbit']);

/** Whether a board of this kind speaks over a cable to this computer. */
export function byCable(kind: string): boolean {
  return CABLES.has(kind);
}
