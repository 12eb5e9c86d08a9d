import type { RowFault } from '../../api/generated/wire';
import { has, t } from '../../words.svelte';

/** What is wrong with a line or a field, in words. */
export function faultWords(fault: RowFault | undefined): string {
  if (!fault) return '';
  const key = `problem_${fault.code}`;
  return has(key) ? t(key, { offer: fault.offer ?? '' }) : fault.code;
}
