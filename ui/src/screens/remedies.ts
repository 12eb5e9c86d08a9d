// The one table of remedies: the doctor's page, the wizard and the home page read it.
import type { RefusalCause } from '../api/generated/wire';

/**
 * What one click does. `new_secret` and `allow` lead to a page that asks; `restore` lets a revoked
 * device in again; the rest copies or saves what the code on the board needs, and changes nothing.
 */
export type Act =
  | 'new_secret'
  | 'restore'
  | 'add_device'
  | 'allow'
  | 'ca'
  | 'copy_address'
  | 'copy_port'
  | 'copy_time'
  | 'copy_id'
  | 'copy_wss'
  | 'see'
  | 'none';

const ACTS: Record<RefusalCause, Act> = {
  wrong_password: 'new_secret',
  unknown_identity: 'add_device',
  no_credentials: 'new_secret',
  revoked: 'restore',
  not_claimed: 'new_secret',
  untrusted_authority: 'ca',
  client_clock_wrong: 'copy_time',
  wrong_host_name: 'copy_address',
  left_after_tls: 'ca',
  plain_on_tls: 'ca',
  tls_on_plain: 'copy_port',
  tls_version: 'see',
  tls_key_type: 'see',
  tls_other: 'ca',
  client_certificate: 'new_secret',
  client_certificate_date: 'new_secret',
  client_certificate_revoked: 'new_secret',
  mqtt_on_web_socket: 'copy_port',
  web_on_mqtt: 'copy_wss',
  no_web_socket: 'copy_wss',
  web_socket_subprotocol: 'copy_wss',
  wrong_zone: 'copy_port',
  client_id_taken: 'copy_id',
  duplicate_client_id: 'copy_id',
  client_id_invalid: 'copy_id',
  protocol_version: 'see',
  protocol_error: 'see',
  packet_too_large: 'see',
  keep_alive_timeout: 'see',
  publish_denied: 'allow',
  subscribe_denied: 'allow',
  will_denied: 'allow',
  foreign_origin: 'none',
  too_many_connections: 'see',
  too_slow: 'see',
  server_busy: 'new_secret',
};

const OF_A_DEVICE: ReadonlySet<Act> = new Set<Act>(['new_secret', 'restore', 'allow', 'copy_id', 'see']);

/** The remedy of a cause; without a device, nothing that needs one. */
export function act(cause: RefusalCause, device: string | null): Act {
  const found = ACTS[cause];
  return device === null && OF_A_DEVICE.has(found) ? 'none' : found;
}

/** Causes of a device that is connected all the same: they would show nowhere else. */
const INSIDE: ReadonlySet<RefusalCause> = new Set<RefusalCause>([
  'publish_denied', 'subscribe_denied', 'duplicate_client_id', 'packet_too_large', 'protocol_error',
]);

export function isInside(cause: RefusalCause): boolean {
  return INSIDE.has(cause);
}

/** Where the rule behind a refused topic is changed. */
export function allowRoute(device: string, cause: RefusalCause, topic: string): string {
  const action = cause === 'subscribe_denied' ? 'subscribe' : 'publish';
  return `#/rights?${new URLSearchParams({ device, action, topic })}`;
}
