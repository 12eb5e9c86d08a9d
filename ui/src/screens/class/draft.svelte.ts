import type { ClassRow, ClassSource, SheetFormat } from '../../api/generated/wire';
import { tongue } from '../../words.svelte';

/** What the user has typed of a class so far. */
export class Draft {
  table = $state(false);
  groups = $state<number | null>(10);
  devices = $state<number | null>(3);
  groupPattern = $state(tongue.language === 'fr' ? 'groupe-{lettre}' : 'group-{letter}');
  devicePattern = $state(tongue.language === 'fr' ? '{groupe}-{n:02}' : '{group}-{n:02}');
  text = $state('');
  kind = $state('');
  /** Lines that were changed by hand: from then on they are the class. */
  rows = $state<ClassRow[]>();
  format = $state<SheetFormat>('cards');
  passwords = $state(false);
  cutLines = $state(true);
  bundles = $state(false);

  source(): ClassSource {
    if (this.rows) return { from: 'rows', rows: $state.snapshot(this.rows) };
    if (this.table) return { from: 'csv', text: this.text };
    const whole = (count: number | null) => (Number.isInteger(count) && count !== null && count > 0 && count < 1e6 ? count : 0);
    return { from: 'pattern', groups: whole(this.groups), devices: whole(this.devices), group_pattern: this.groupPattern, device_pattern: this.devicePattern };
  }
}
