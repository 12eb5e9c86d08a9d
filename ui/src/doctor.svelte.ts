// Who was refused, and why: asked anew whenever something happens at the doors.
import { client } from './api/client';
import type { Patient } from './api/generated/wire';
import { site } from './site.svelte';
import { t } from './words.svelte';

const STRANGER_MS = 15 * 60_000;
const SHOWN = 3;

class Doctor {
  patients = $state.raw<Patient[]>([]);
  /** Not cured yet. */
  ill = $derived(this.patients.filter((patient) => patient.cured_ms === null && patient.refusal.cause !== 'keep_alive_timeout'));
  /** The newest refusals of those who are no device of ours, of the last quarter of an hour. */
  strangers = $derived(this.ill.filter((patient) => patient.device === null && site.now - patient.refusal.at_ms < STRANGER_MS).slice(0, SHOWN));

  /** Follows the events; each call waits at the daemon until there is one. */
  async watch(signal: AbortSignal): Promise<void> {
    let since = 0;
    while (!signal.aborted) {
      try {
        await this.refresh(signal);
        since = (await client.call('event_list', { since, wait_ms: 20_000, device: null }, signal)).next;
      } catch {
        if (!signal.aborted) await new Promise((again) => setTimeout(again, 2000));
      }
    }
  }

  async refresh(signal?: AbortSignal): Promise<void> {
    this.patients = await client.call('doctor_list', {}, signal);
  }

  async forget(key: string): Promise<void> {
    await client.call('doctor_forget', { key });
    await this.refresh();
  }
}

export const doctor = new Doctor();

/** What people call a patient: the device where it is sure, else what it calls itself and where it is. */
export function called(patient: Pick<Patient, 'device' | 'client_id' | 'address'> & { refusal: { whose: string; facts: Patient['refusal']['facts'] } }): string {
  const { device, client_id, refusal } = patient;
  const address = patient.address ?? '?';
  if (device !== null && refusal.whose === 'named') return device;
  if (device !== null) return t('somebody_at', { address });
  const name = refusal.facts.find(({ kind }) => kind === 'user')?.value || client_id;
  return name ? t('somebody_named', { name, address }) : t('somebody_at', { address });
}
