// What the export dialog offers, and what it starts with.
import type { BlurredPlace, BlurredTimes, ExportForm, ExportFormat, OpenLicence, Selection } from '../api/generated/wire';
import type { Language } from '../words.svelte';

export const FORMATS: readonly ExportFormat[] = ['csv_fr', 'xlsx', 'ods', 'parquet', 'csv_plain', 'json_lines', 'sqlite', 'open_data'];
export const STEPS = [0, 1000, 10_000, 60_000, 3_600_000] as const;
export const TIMES: readonly BlurredTimes[] = ['minute', 'hour', 'elapsed'];
export const PLACES: readonly BlurredPlace[] = ['left_out', 'tenth', 'hundredth'];
export const LICENCES: readonly OpenLicence[] = ['etalab', 'cc_by', 'cc0'];
export const PERIODS = ['all', 'hour', 'day', 'week', 'span'] as const;
export type Period = (typeof PERIODS)[number];

const HOUR_MS = 3_600_000;
const BACK: Record<Exclude<Period, 'all' | 'span'>, number> = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 168 * HOUR_MS };

/** What was chosen last, else what a spreadsheet of this language opens at a double click. */
export function firstFormat(language: Language): ExportFormat {
  const last = globalThis.localStorage?.getItem('courtier.export');
  return FORMATS.find((format) => format === last) ?? (language === 'fr' ? 'csv_fr' : 'csv_plain');
}

export function remember(format: ExportFormat): void {
  globalThis.localStorage?.setItem('courtier.export', format);
}

/** One topic whose messages have fields is a table of its fields; everything else is a list. */
export function firstForm(fields: readonly string[]): ExportForm {
  return fields.some((field) => field !== '') ? 'wide' : 'long';
}

/** What stands in the search field of the live view, where it is a filter; everything otherwise. */
export function filterOf(search: string): string {
  const text = search.trim();
  return /[/+#]/.test(text) ? text : '#';
}

export function selection(filter: string, device: string, period: Period, from: string, until: string, nowMs: number): Selection {
  const at = (text: string) => (text ? new Date(text).getTime() : null);
  const [from_ms, until_ms] = period === 'span' ? [at(from), at(until)] : [period === 'all' ? null : Math.round(nowMs - BACK[period]), null];
  const wanted = filter.trim();
  return { filters: wanted && wanted !== '#' ? [wanted] : [], devices: device ? [device] : [], from_ms, until_ms };
}
