// Written by `UPDATE_TYPES=1 cargo test -p wire`. Do not edit.

export type AddressChange = { from: string, to: string, at_ms: number, };

/**
 * The address in use, and who still holds another.
 */
export type AddressReport = { address: string, host_name: string, 
/**
 * The last change since the start; doors, certificate and name followed it by themselves.
 */
changed: AddressChange | null, 
/**
 * Devices whose files hold another address, and no name that leads here: to be touched.
 */
to_touch: Array<string>, 
/**
 * Devices that hold another address and the name too: they follow by themselves.
 */
following: Array<string>, };

/**
 * What an app opens or scans to be set up. It holds the password, or where the app fetches its file.
 */
export type AppLink = { url: ShownOnce, 
/**
 * SVG of its QR code.
 */
qr_svg: ShownOnce, 
/**
 * Until when the file can be fetched; `None` where all settings stand in the address.
 */
until_ms: number | null, };

export type AttachSerial = { device: string, port: string, 
/**
 * 115,200 for a micro:bit.
 */
baud: number, };

export type AuthorityChange = { since_ms: number, next: AuthorityView, 
/**
 * Devices that know the old one alone, or have a certificate of it alone.
 */
waiting: Array<string>, };

export type AuthorityStatus = { current: AuthorityView, 
/**
 * While another is being brought in.
 */
change: AuthorityChange | null, server_until_ms: number | null, 
/**
 * Names and addresses in the server's certificate.
 */
server_names: Array<string>, 
/**
 * Whether clients that know RSA alone are served.
 */
rsa: boolean, 
/**
 * Certificates of devices that count now.
 */
device_certificates: number, revoked: number, };

export type AuthorityView = { 
/**
 * `Courtier CA a1b2`
 */
name: string, 
/**
 * SHA-256 of its public key, hexadecimal.
 */
fingerprint: string, 
/**
 * SHA-256 of `ca.der`, hexadecimal.
 */
cert_sha256: string, 
/**
 * The fingerprint as eight words, to be compared aloud.
 */
words_fr: Array<string>, words_en: Array<string>, 
/**
 * Six symbols, as phones show them.
 */
check_code: string, 
/**
 * What clients are given as `ca.pem`.
 */
cert_pem: string, until_ms: number, };

export type BlurredPlace = "left_out" | "tenth" | "hundredth";

export type BlurredTimes = "minute" | "hour" | "elapsed";

/**
 * The sentences as they shall be; nothing is changed before `apply`.
 */
export type ChangeRights = { sentences: Array<RightsSentence>, revision: string, apply: boolean, };

/**
 * What the network shows since `since_ms`, usually since a page began to wait.
 */
export type CheckNetwork = { since_ms: number, };

export type ChooseAddress = { 
/**
 * One of the addresses of `network_list`.
 */
address: string, };

/**
 * The one-time door of a device, as the QR code holds it.
 */
export type Claim = { 
/**
 * `http://<ip>:8480/c#<26 base32>`
 */
url: ShownOnce, 
/**
 * SVG of the QR code, black on white with its quiet zone.
 */
qr_svg: ShownOnce, 
/**
 * Six symbols that the phone shows too.
 */
check_code: string, expires_ms: number, };

export type ClassPreview = { rows: Array<PreviewedRow>, 
/**
 * What keeps the whole list from being made: `source`, `source.groups`, …
 */
faults: Array<RowFault>, groups: number, 
/**
 * Lines with a fault.
 */
faulty: number, 
/**
 * `;`, `,` or a tab, where a file was read.
 */
separator: string | null, 
/**
 * Columns of the file that are not read: nothing in them is kept.
 */
ignored: Array<string>, };

/**
 * One device of a class. A kind that is empty is the one of the whole class.
 */
export type ClassRow = { id: string, group: string, kind: string, };

/**
 * Where the devices of a class come from.
 */
export type ClassSource = { "from": "pattern", groups: number, devices: number, group_pattern: string, device_pattern: string, } | { "from": "csv", text: string, } | { "from": "rows", rows: Array<ClassRow>, };

/**
 * A connected client or a kept session.
 */
export type Client = { client_id: string, identity: string | null, connected: boolean, peer: string | null, 
/**
 * `3.1.1` or `5.0`
 */
protocol: string, 
/**
 * `mqtt`, `mqtts`, `ws`, `wss`
 */
transport: string, since_ms: number | null, subscriptions: Array<string>, queued: number, 
/**
 * Sent with QoS 1 or 2, and not yet acknowledged.
 */
in_flight: number, 
/**
 * Messages that its full queue lost.
 */
dropped: number, };

export type ClockStatus = { port: number | null, 
/**
 * It is wanted, and answers.
 */
serving: boolean, };

/**
 * Every reason for a refusal. Each has a sentence in `assets/words`, under `problem_<code>`.
 */
export type Code = "malformed" | "unknown_command" | "not_allowed" | "not_signed_in" | "wrong_origin" | "too_large" | "name_empty" | "name_invalid" | "name_taken" | "group_invalid" | "kind_unknown" | "device_unknown" | "site_not_started" | "site_already_started" | "address_unknown" | "port_taken" | "port_invalid" | "port_forbidden" | "topic_invalid" | "filter_invalid" | "qos_invalid" | "payload_invalid" | "time_invalid" | "limit_invalid" | "pattern_invalid" | "column_missing" | "list_empty" | "claim_unknown" | "claim_expired" | "enrolment_closed" | "request_invalid" | "authority_in_use" | "no_authority_change" | "too_many_tries" | "data_damaged" | "disk_full" | "broker_stopped" | "rights_invalid" | "rights_outdated" | "nothing_to_undo" | "ingest_unknown" | "too_fast" | "export_unknown" | "exports_busy" | "series_too_many" | "feed_unknown" | "internal";

export type CreateClass = { rows: Array<ClassRow>, kind: string, sheet: SheetOptions, 
/**
 * Also a zip with a folder of files for each device. The devices work at once then; without
 * it, and without passwords on the cards, each works from the moment its card is scanned.
 */
bundles: boolean, };

export type CreateDevice = { id: string, 
/**
 * `[a-z0-9-]{1,23}`, made on first use.
 */
group: string, kind: string, 
/**
 * `fr` or `en`: the language of the files made for it.
 */
language: string, };

export type CreateFeed = { name: string, filter: string, shows: FeedShows, 
/**
 * 1 to 366.
 */
days: number, };

export type CreatedFeed = { feed: Feed, 
/**
 * `http://127.0.0.1:<port>/x/<token>/`; below it `fr.csv`, `plain.csv`, `fr.txt` and `plain.txt`.
 */
url: ShownOnce, };

/**
 * What is damaged, what was kept, and whether a last good copy can be put back.
 */
export type Damage = { 
/**
 * `settings`, `recordings`, `broker_store`, `authority`, `secrets`.
 */
what: string, 
/**
 * The file as it was found, kept beside the original.
 */
kept_file: string, detail: string, 
/**
 * RFC 3339 time of the last good copy, if there is one.
 */
last_good: string | null, };

export type Device = { 
/**
 * `[a-z0-9-]{1,23}`; user name and default client id.
 */
id: string, group: string, 
/**
 * Key of `kind_list`.
 */
kind: string, simulated: boolean, state: DeviceState, 
/**
 * `<site>/<group>/<id>`: it may write below this.
 */
branch: string, last_seen_ms: number | null, 
/**
 * A short text of its last value: `23.4`, `on`.
 */
last_value: string | null, 
/**
 * Up to 60 numbers of the last 10 minutes, oldest first.
 */
spark: Array<number>, last_refusal: Refusal | null, created_ms: number, 
/**
 * Shut out until its card is scanned.
 */
awaits_claim: boolean, 
/**
 * When the last of its certificates ends; `None` if it has none.
 */
certificate_until_ms: number | null, };

export type DeviceFile = { name: string, 
/**
 * For the highlighter: `cpp`, `python`, `json`, `ini`, `text`, `pem`.
 */
syntax: string, text: ShownOnce, 
/**
 * What the user must still fill in, exactly as it stands in `text`.
 */
blanks: Array<string>, 
/**
 * The file to show first.
 */
main: boolean, };

export type DeviceGroup = { id: string, group: string, };

export type DeviceName = { id: string, name: string, };

export type DeviceRef = { id: string, };

export type DeviceRefs = { ids: Array<string>, };

/**
 * Everything that a device may do.
 */
export type DeviceRights = { device: string, 
/**
 * The sentences that speak of it.
 */
sentences: Array<RightsSentence>, allowed: Array<RightsGrant>, forbidden: Array<RightsGrant>, };

export type DeviceState = "expected" | "online" | "late" | "absent" | "refused" | "revoked";

/**
 * What a change of many devices did, and what it asks of people.
 */
export type DevicesChanged = { devices: Array<Device>, 
/**
 * Their cards no longer say what is true: they must be printed again.
 */
cards_void: Array<string>, 
/**
 * Set up with the name or topic of before: their files must be put on them again.
 */
to_touch: Array<string>, };

/**
 * One thing the site tried on itself, as a client would.
 */
export type DoorCheck = { 
/**
 * `reachable`, `encrypted`, `closed_to_strangers`.
 */
name: string, passed: boolean, tried: number, detail: string, };

/**
 * The end of a school year. Every password is made anew whatever is chosen here.
 */
export type EndYear = { names: YearNames, 
/**
 * Erase what was recorded below the topics of these devices.
 */
erase_recordings: boolean, sheet: SheetOptions, };

export type Enrolment = { 
/**
 * `None` while it is closed.
 */
until_ms: number | null, 
/**
 * `https://<ip>:8443`, where devices ask.
 */
url: string | null, join: JoinCode | null, };

export type Event = { seq: number, at_ms: number, kind: EventKind, 
/**
 * Which device it concerns, when known.
 */
device: string | null, client_id: string | null, peer: string | null, refusal: Refusal | null, topic: string | null, };

export type EventKind = "connected" | "disconnected" | "refused" | "taken_over" | "kicked" | "device_created" | "device_revoked" | "device_restored" | "device_removed" | "claimed" | "broker_started" | "broker_stopped" | "certificate_renewed" | "address_changed" | "rights_changed" | "rights_wrong" | "guests_opened" | "one_port_opened" | "one_port_closed" | "guests_closed" | "feed_created" | "feed_revoked" | "certificate_issued" | "enrolment_opened" | "enrolment_closed" | "authority_change_started" | "authority_changed" | "recording_gap" | "disk_low";

export type EventPage = { events: Array<Event>, 
/**
 * Ask with this next.
 */
next: number, 
/**
 * Events that were dropped before they could be read.
 */
lost: number, };

export type ExportForm = "long" | "wide";

export type ExportFormat = "csv_fr" | "csv_plain" | "xlsx" | "ods" | "json_lines" | "parquet" | "sqlite" | "open_data";

export type ExportJob = { id: number, state: ExportState, file_name: string, 
/**
 * Messages read so far, of how many; the wide form reads each twice.
 */
read: number, to_read: number, 
/**
 * Once it is done.
 */
rows: number, bytes: number, 
/**
 * Why it failed.
 */
code: Code | null, };

export type ExportPreview = { messages: number, topics: number, 
/**
 * Of the first and the last message.
 */
first_ms: number | null, last_ms: number | null, 
/**
 * Rows of one sheet of a spreadsheet, its head apart: what is more goes on to the next.
 */
sheet_rows: number, };

export type ExportRef = { id: number, };

export type ExportState = "running" | "done" | "failed" | "cancelled";

/**
 * One piece of evidence. What the client said is as it said it: hostile until escaped.
 */
export type Fact = { kind: FactKind, value: string, };

/**
 * Each has a sentence in `assets/words`, under `fact_<kind>`.
 */
export type FactKind = "user" | "asked_name" | "right_name" | "clock" | "valid_since" | "rule" | "no_rule" | "largest" | "owner" | "rivals" | "takeovers" | "keep_alive" | "page";

/**
 * An address that reads, and does nothing else, until it ends or is revoked.
 */
export type Feed = { id: number, name: string, filter: string, shows: FeedShows, created_ms: number, until_ms: number, 
/**
 * When it was last asked, since the start.
 */
read_ms: number | null, };

export type FeedRef = { id: number, };

/**
 * What an address for spreadsheets shows.
 */
export type FeedShows = "last" | "hour";

export type FinishAuthorityChange = { 
/**
 * Also when devices will be lost.
 */
leave_behind: boolean, };

/**
 * How a firewall is told to let the ports in use through.
 */
export type FirewallHelp = { tool: FirewallTool, 
/**
 * As an administrator types it.
 */
command: string, 
/**
 * It guards this computer now.
 */
here: boolean, 
/**
 * `firewall_open` can run it, after the system has asked for consent.
 */
runnable: boolean, };

export type FirewallOpened = { opened: boolean, 
/**
 * What the tool said.
 */
detail: string, };

export type FirewallTool = "ufw" | "firewalld" | "nftables" | "windows_powershell" | "windows_netsh" | "macos";

/**
 * What was made for many devices, in this one answer only.
 */
export type HandedOut = { devices: Array<Device>, pdf_base64: ShownOnce, pdf_name: string, sheets: number, 
/**
 * Empty where no bundles were asked for.
 */
bundles_base64: ShownOnce, bundles_name: string, 
/**
 * Until when the cards can be scanned.
 */
expires_ms: number, 
/**
 * Devices whose password ended just now: they must be set up again.
 */
reissued: Array<string>, };

/**
 * A certificate with its key. The key exists in this one answer only.
 */
export type IssuedCertificate = { device: Device, 
/**
 * The door for devices with a certificate.
 */
port: number | null, certificate_pem: string, key_pem: ShownOnce, authority_pem: string, 
/**
 * Key, certificate and authorities in one PKCS #12 file, base64; for phones and Windows.
 */
p12: ShownOnce, 
/**
 * Opens `p12`.
 */
p12_password: ShownOnce, until_ms: number, };

/**
 * For a class: whoever reads it on the board may join until it ends.
 */
export type JoinCode = { code: ShownOnce, group: string, joined: number, 
/**
 * The code dies with the last of them.
 */
tries_left: number, };

/**
 * Ends the connection of one client.
 */
export type KickClient = { client_id: string, 
/**
 * Its session too: subscriptions, and what waits for it.
 */
forget: boolean, };

export type Kind = { key: string, 
/**
 * Name of the drawing: `esp32`, `pico`, `phone`…
 */
picture: string, category: KindCategory, 
/**
 * One of the few that most people look for.
 */
common: boolean, 
/**
 * The first is what its files use.
 */
transports: Array<KindTransport>, name_fr: string, name_en: string, blurb_fr: string, blurb_en: string, 
/**
 * Other words under which a person may look for it.
 */
search: Array<string>, simulated: boolean, 
/**
 * It must know the time before it can check a certificate.
 */
needs_clock: boolean, 
/**
 * It finds the broker by its `.local` name, even when the address changes.
 */
resolves_names: boolean, 
/**
 * It comes in as a guest or not at all.
 */
guests_only: boolean, };

/**
 * Where a person looks for a kind.
 */
export type KindCategory = "boards" | "computers" | "home" | "phones" | "gateways" | "other";

/**
 * How a kind can reach the broker.
 */
export type KindTransport = "tls" | "client_certificate" | "websocket" | "plain" | "http" | "usb";

/**
 * Waits up to `wait_ms` (at most 25,000) for an event after `since`.
 */
export type ListEvents = { since: number, wait_ms: number, device: string | null, };

/**
 * The window of rows that a page shows. `POST /api/live` waits until something in it changed
 * (at most 25 s) and answers with one binary frame.
 */
export type LiveView = { 
/**
 * The version of the last frame the page drew; 0 for none.
 */
since: number, 
/**
 * The layout number of that frame: rows are only sent as differences while it holds.
 */
layout: number, 
/**
 * MQTT filter, or text that the topic contains; empty for all.
 */
search: string, 
/**
 * Text that the payload contains; empty for all.
 */
payload_search: string, 
/**
 * Topics (without trailing `/`) whose children are shown. `None` opens the first three levels.
 */
open: Array<string> | null, offset: number, 
/**
 * At most 200.
 */
limit: number, 
/**
 * The topic whose whole last message comes with the frame.
 */
selected: string | null, };

export type MoveDevices = { groups: Array<DeviceGroup>, };

export type NetworkAddress = { 
/**
 * Interface name as the system gives it: `wlp2s0`.
 */
interface: string, kind: NetworkKind, address: string, 
/**
 * The one to choose unless the user knows better.
 */
recommended: boolean, };

/**
 * Why nobody knocks. Each has words under `network_cause_<cause>` and `network_remedy_<cause>`.
 */
export type NetworkCause = "reached" | "stopped" | "loopback" | "firewall" | "closed_port" | "wrong_address" | "silence";

export type NetworkKind = "wifi" | "cable" | "virtual" | "loopback";

export type NetworkReport = { cause: NetworkCause, 
/**
 * Machines that look for this computer and did not come through.
 */
looking: Array<string>, 
/**
 * Machines that opened the page behind the code.
 */
pings: Array<string>, 
/**
 * `http://<address>:8480/ping`
 */
ping_url: string, 
/**
 * SVG of the same.
 */
ping_qr_svg: string, firewalls: Array<FirewallHelp>, 
/**
 * Whether this system shows which machines look for it.
 */
neighbours_known: boolean, };

/**
 * The request of a command that needs none: `{}`.
 */
export type Nothing = Record<string, never>;

export type OpenDataChoice = { times: BlurredTimes, place: BlurredPlace, licence: OpenLicence, };

/**
 * Opens the door for ten minutes.
 */
export type OpenEnrolment = { 
/**
 * With a code of six digits by which boards join this group by themselves.
 */
join_group: string | null, };

export type OpenFirewall = { tool: FirewallTool, };

export type OpenLicence = "cc0" | "cc_by" | "etalab";

/**
 * A device or a stranger that was refused in the last 24 hours.
 */
export type Patient = { 
/**
 * Stable while the patient is listed.
 */
key: string, 
/**
 * Which device it is, or probably is: `refusal.whose` says how sure that is.
 */
device: string | null, client_id: string | null, address: string | null, 
/**
 * The newest.
 */
refusal: Refusal, topic: string | null, 
/**
 * When it came in after all; `None` while it has not.
 */
cured_ms: number | null, 
/**
 * Every cause of the last 24 hours, newest first.
 */
visits: Array<Visit>, };

export type PatientRef = { key: string, };

export type Phase = "first_run" | "running" | "stopped" | "damaged";

export type Ports = { 
/**
 * MQTT over TLS, default 8883.
 */
mqtts: number, 
/**
 * MQTT over TLS WebSocket, default 9001.
 */
wss: number, 
/**
 * Plain MQTT for the guest zone, default 1883; `None` when closed.
 */
mqtt: number | null, 
/**
 * Plain HTTP claim door, default 8480.
 */
claim: number, 
/**
 * MQTT over TLS for devices that have a certificate, default 8884; `None` when closed.
 */
mtls: number | null, 
/**
 * HTTPS for the room, default 8443; `None` when it never opens.
 */
https: number | null, 
/**
 * Everything that speaks TLS on one port, 443 mostly; `None` when closed.
 */
one: number | null, };

export type PreviewClass = { source: ClassSource, 
/**
 * For every line that names none.
 */
kind: string, };

export type PreviewedRow = { 
/**
 * The line of the file, or the place in the list; 1 is the first.
 */
line: number, row: ClassRow, 
/**
 * `<site>/<group>/<id>`
 */
branch: string, faults: Array<RowFault>, };

/**
 * Cards again, for devices that exist. A card brings a new password, which takes the place of the
 * one before when the card is scanned; with `passwords` or `bundles` it does so now.
 */
export type PrintCards = { ids: Array<string>, sheet: SheetOptions, bundles: boolean, };

/**
 * A refusal: `code` chooses the words, `field` names the input at fault in the dotted form of the
 * request (`ports.mqtts`), `message` is the English sentence for logs and scripts, and `offer` is
 * a value that would work instead, where there is one.
 */
export type Problem = { code: Code, message: string, field: string | null, offer: string | null, };

/**
 * What a new device (or one that is issued anew) gets. It exists in this one answer only.
 */
export type ProvisionedDevice = { device: Device, 
/**
 * `XXXX-XXXX-XXXX-XXXX`
 */
password: ShownOnce, host_name: string, address: string, port: number, 
/**
 * A topic that this device may publish to.
 */
topic: string, files: Array<DeviceFile>, 
/**
 * Deterministic zip of all files, base64.
 */
bundle_base64: ShownOnce, bundle_name: string, claim: Claim | null, 
/**
 * Guests only: where a phone posts JSON by plain HTTP, `http://<ip>:8480/in/<16 base32>`.
 */
ingest_url: ShownOnce | null, 
/**
 * For a kind whose app is set up by one address.
 */
app_link: AppLink | null, };

export type PublishMessage = { topic: string, 
/**
 * UTF-8 text, sent as it is.
 */
payload: string, qos: number, retain: boolean, };

export type QueryRecords = { topic: string, 
/**
 * Milliseconds since the Unix epoch, inclusive.
 */
from_ms: number | null, until_ms: number | null, 
/**
 * 1 to 1,000; newest first.
 */
limit: number, };

export type QuerySeries = { topic: string, 
/**
 * Dotted path into a JSON payload; empty for a payload that is a number itself.
 */
field: string, from_ms: number, until_ms: number, 
/**
 * 1 to 4,000: at most this many columns, each with its lowest and highest value.
 */
columns: number, };

export type RecordPage = { records: Array<RecordedMessage>, more: boolean, };

/**
 * Not `Record`: TypeScript has a `Record` of its own, which `Nothing` is made of.
 */
export type RecordedMessage = { 
/**
 * Microseconds since the Unix epoch.
 */
at_us: number, qos: number, retain: boolean, payload_len: number, 
/**
 * The payload as text when it is UTF-8 (at most 4 KiB of it).
 */
text: string | null, 
/**
 * The same bytes as base64 when it is not.
 */
base64: string | null, };

export type RecorderStatus = { recording: boolean, bytes: number, limit_bytes: number, limit_days: number, messages: number, oldest_ms: number | null, 
/**
 * Messages that QoS 0 lost to a full queue, each shown as a gap.
 */
dropped: number, };

export type Refusal = { cause: RefusalCause, at_ms: number, 
/**
 * Times in a row.
 */
tries: number, 
/**
 * Technical evidence: TLS alert, rule, topic, offset. Never a secret.
 */
detail: string, 
/**
 * The same in words: the screen has a sentence for each kind.
 */
facts: Array<Fact>, whose: Whose, };

/**
 * Why a client was refused. Each has a cause and a remedy in `assets/words`, under
 * `refusal_<cause>` and `remedy_<cause>`.
 */
export type RefusalCause = "wrong_password" | "unknown_identity" | "no_credentials" | "revoked" | "not_claimed" | "untrusted_authority" | "client_clock_wrong" | "wrong_host_name" | "left_after_tls" | "plain_on_tls" | "tls_on_plain" | "tls_version" | "tls_key_type" | "tls_other" | "client_certificate" | "client_certificate_date" | "client_certificate_revoked" | "mqtt_on_web_socket" | "web_on_mqtt" | "no_web_socket" | "web_socket_subprotocol" | "wrong_zone" | "client_id_taken" | "duplicate_client_id" | "client_id_invalid" | "protocol_version" | "protocol_error" | "packet_too_large" | "keep_alive_timeout" | "publish_denied" | "subscribe_denied" | "will_denied" | "foreign_origin" | "too_many_connections" | "too_slow" | "server_busy";

export type RenameDevices = { names: Array<DeviceName>, };

export type RightsAction = "publish" | "subscribe";

export type RightsAnswer = { allowed: boolean, why: RightsWhy, sentence: number | null, nearby: Array<number>, 
/**
 * Sentences that hold back a part of what an allowed subscription asks for.
 */
held_back: Array<number>, 
/**
 * The narrowest sentence that would allow it, where one can.
 */
proposal: RightsSentence | null, };

export type RightsCell = { writes: RightsReach, reads: RightsReach, 
/**
 * The sentences that make it so.
 */
sentences: Array<number>, 
/**
 * Devices of the row for which it is otherwise.
 */
exceptions: number, };

export type RightsChanged = { applied: boolean, preview: RightsPreview, rights: RightsShown, };

export type RightsColumn = { object: RightsObject, 
/**
 * As a filter: `salle114/groupe-a/#`.
 */
filter: string, };

/**
 * What a change means to one device.
 */
export type RightsDifference = { device: string, gains: Array<RightsGrant>, losses: Array<RightsGrant>, };

export type RightsEnded = { device: string, filter: string, };

export type RightsFault = { device: string, action: RightsAction, topic: string, 
/**
 * What the sentences say; the broker said the opposite.
 */
allowed: boolean, };

export type RightsGrant = { action: RightsAction, filter: string, };

export type RightsObject = { "kind": "own_branch" } | { "kind": "own_commands" } | { "kind": "own_group" } | { "kind": "group", "name": string } | { "kind": "guest_zone" } | { "kind": "filter", "name": string };

export type RightsPreview = { differences: Array<RightsDifference>, 
/**
 * Subscriptions of today that the sentences would end.
 */
ended: Array<RightsEnded>, };

/**
 * The running broker was asked what the sentences say, by clients at its real doors.
 */
export type RightsProof = { at_ms: number, tried: number, 
/**
 * What the broker decided otherwise than the sentences. While there is one, no door to the
 * room is open.
 */
wrong: Array<RightsFault>, 
/**
 * It could not be tried at all: as bad as a wrong answer.
 */
hindrance: string | null, };

/**
 * How far a right reaches into a column of the grid.
 */
export type RightsReach = "nothing" | "own" | "part" | "all";

export type RightsRow = { subject: RightsSubject, devices: number, 
/**
 * One a column.
 */
cells: Array<RightsCell>, };

/**
 * One right, as a sentence says it.
 */
export type RightsSentence = { 
/**
 * It never changes and is never given again; refusals name it. 0 asks for a new one.
 */
number: number, subject: RightsSubject, verb: RightsVerb, object: RightsObject, 
/**
 * A right for a while.
 */
until_ms: number | null, };

export type RightsShown = { sentences: Array<RightsSentence>, 
/**
 * Of what is shown: a change that was made from an older one is refused.
 */
revision: string, columns: Array<RightsColumn>, rows: Array<RightsRow>, 
/**
 * What the words of a sentence can be.
 */
groups: Array<string>, devices: Array<string>, 
/**
 * When the sentences before these were replaced, if they can be brought back.
 */
undo_ms: number | null, proof: RightsProof | null, };

export type RightsSubject = { "kind": "everybody" } | { "kind": "guests" } | { "kind": "group", "name": string } | { "kind": "device", "name": string };

export type RightsVerb = "writes" | "reads" | "writes_and_reads" | "must_not";

export type RightsWhy = "allowed" | "forbidden" | "nothing_allows" | "revoked" | "guests_closed";

/**
 * Who asks. Each command names the least role that may use it (`architecture.md` D7).
 */
export type Role = "administrator" | "teacher" | "assistant" | "pupil" | "projector" | "device";

/**
 * What is wrong with one line.
 */
export type RowFault = { 
/**
 * `id`, `group`, `kind`, or `line` for the whole of it.
 */
field: string, code: Code, offer: string | null, };

/**
 * Which recorded messages. Without a filter all of them, without a device those of any.
 */
export type Selection = { filters: Array<string>, devices: Array<string>, 
/**
 * Milliseconds since the Unix epoch, both inclusive.
 */
from_ms: number | null, until_ms: number | null, };

/**
 * A device that is read from a port.
 */
export type SerialLink = { device: string, port: string, baud: number, state: SerialState, 
/**
 * Why it waits, technical.
 */
detail: string, 
/**
 * The last line that was published. Hostile until escaped.
 */
last_line: string | null, lines: number, 
/**
 * Lines that were no text, too long, or too many.
 */
dropped: number, };

export type SerialList = { ports: Array<SerialPort>, links: Array<SerialLink>, };

/**
 * A serial port of this computer.
 */
export type SerialPort = { 
/**
 * `/dev/ttyACM0`, `COM3`.
 */
port: string, 
/**
 * What the board calls itself: "BBC micro:bit CMSIS-DAP". Hostile until escaped.
 */
board: string | null, 
/**
 * A board on USB, not a port of the computer itself.
 */
usb: boolean, 
/**
 * The device that it speaks for already.
 */
device: string | null, };

export type SerialState = "waiting" | "reading";

/**
 * Columns in time order. Where two neighbours are further apart than the rhythm of the series, or
 * a gap marker lies between, `gaps` says so: a chart must not join them.
 */
export type Series = { at_ms: Array<number>, min: Array<number>, max: Array<number>, last: Array<number>, 
/**
 * Start and end of each recording gap, in milliseconds.
 */
gaps: Array<[number, number]>, samples: number, };

/**
 * Whether boards may ask this computer for the time (SNTP).
 */
export type ServeClock = { 
/**
 * 123 is the one that boards ask; `None` closes it.
 */
port: number | null, };

/**
 * Opens, moves or closes the one port for everything that speaks TLS.
 */
export type SetOnePort = { 
/**
 * `None` closes it.
 */
port: number | null, };

export type SheetFormat = "cards" | "labels";

/**
 * What stands on the cards.
 */
export type SheetOptions = { format: SheetFormat, 
/**
 * In clear. Whoever holds the card is then the device, without a claim.
 */
passwords: boolean, cut_lines: boolean, 
/**
 * `fr` or `en`
 */
language: string, };

/**
 * A secret on its way to the one screen that shows it once. Its `Debug` shows nothing.
 */
export type ShownOnce = string;

export type SiteStatus = { phase: Phase, damage: Damage | null, version: string, 
/**
 * The name people read: "Salle 114". Empty in the first run.
 */
name: string, 
/**
 * The second line of the label: "Lycée des Tilleuls".
 */
place: string, 
/**
 * The first level of every topic: `salle114`.
 */
slug: string, 
/**
 * `salle114.local`
 */
host_name: string, 
/**
 * Primary IPv4 address that devices use.
 */
address: string | null, ports: Ports, guests: boolean, 
/**
 * Milliseconds since the Unix epoch.
 */
running_since_ms: number | null, now_ms: number, devices_total: number, devices_connected: number, messages_per_second: number, 
/**
 * One value per 5 s over the last 10 minutes, oldest first.
 */
rate_history: Array<number>, messages_total: number, disk_free_bytes: number, 
/**
 * First 16 hexadecimal digits of the SHA-256 of the authority's public key, in groups of 4.
 */
authority_fingerprint: string | null, 
/**
 * RFC 3339 end of the server certificate.
 */
certificate_until: string | null, 
/**
 * When enrolment closes again; `None` while it is closed.
 */
enrolment_until_ms: number | null, 
/**
 * `keyring` or `file`: where the secrets lie.
 */
secret_store: string, 
/**
 * Devices that are simulated.
 */
simulated: number, 
/**
 * The result of trying our own doors after the start.
 */
checks: Array<DoorCheck>, 
/**
 * Whether the running broker decides as the sentences of the rights say.
 */
proof: RightsProof | null, };

export type StartExport = { selection: Selection, format: ExportFormat, form: ExportForm, 
/**
 * Of the wide form: milliseconds that one row stands for; 0: each instant has its own.
 */
step_ms: number, 
/**
 * `fr` or `en`: the words in it.
 */
language: string, 
/**
 * Asked for by the format of that name, and only by it.
 */
open_data: OpenDataChoice | null, };

export type StartSimulated = { 
/**
 * 1 to 30.
 */
count: number, group: string, };

export type StartSite = { 
/**
 * "Salle 114", 1 to 40 characters.
 */
name: string, 
/**
 * "Lycée des Tilleuls", 0 to 60 characters.
 */
place: string, 
/**
 * One of the addresses of `network_list`. Only that address and loopback are listened on.
 */
address: string, 
/**
 * Also open the guest zone (plain MQTT, write-only below `<site>/guests/`).
 */
guests: boolean, 
/**
 * `None` takes the default ports.
 */
ports: Ports | null, };

export type StepState = "good" | "bad" | "skipped" | "unknown";

/**
 * Opens or closes the guest zone of a site that runs.
 */
export type SwitchGuests = { open: boolean, 
/**
 * `None` takes the usual port, 1883.
 */
port: number | null, };

/**
 * Each has words under `selftest_<name>`, and what to do under `selftest_<name>_bad`.
 */
export type TestName = "name" | "port" | "tls" | "clock" | "login" | "publish" | "receive";

/**
 * May this device publish to, or subscribe to, this?
 */
export type TestRights = { device: string, action: RightsAction, topic: string, };

/**
 * One step of the walk from a device to its message, in the order of the walk.
 */
export type TestStep = { name: TestName, state: StepState, 
/**
 * What was seen, for people: an address, a version of TLS, a number of milliseconds.
 */
seen: string, 
/**
 * Technical, in English; empty where it went well.
 */
detail: string, };

export type TopicDetail = { topic: string, at_ms: number, qos: number, retained: boolean, publisher: string | null, subscribers: Array<string>, count: number, rate: number, payload_len: number, 
/**
 * At most 64 KiB of it.
 */
payload_base64: string, 
/**
 * Names of the numeric fields of a JSON payload, dotted: `temperature`, `accel.x`; `""` for a
 * payload that is a number itself.
 */
numeric_fields: Array<string>, };

export type TopicRef = { topic: string, };

/**
 * One cause, and how often it was met in a row.
 */
export type Visit = { cause: RefusalCause, first_ms: number, last_ms: number, tries: number, };

/**
 * Answered when it has ended, after `wait_ms` (at most 25,000) at the latest.
 */
export type WatchExport = { id: number, wait_ms: number, };

/**
 * How sure it is whose attempt this was.
 */
export type Whose = "named" | "address" | "awaited" | "unknown";

export type YearEnded = { plan: YearPlan, 
/**
 * What was, without a secret: for the user to keep.
 */
archive_base64: string, archive_name: string, handed: HandedOut | null, 
/**
 * What still holds something of the year.
 */
left: YearLeft, };

export type YearLeft = { devices: number, retained: number, 
/**
 * Records, which go by themselves after `record_days`.
 */
recorded: number, record_days: number, 
/**
 * Names of before that still stand in records.
 */
old_names: Array<string>, };

export type YearNames = "keep" | "neutral" | "remove";

/**
 * What the end of the year would do, or did.
 */
export type YearPlan = { devices: number, groups: number, 
/**
 * Devices that are connected now and will be out.
 */
connected: number, retained: number, recorded: number, 
/**
 * The archive holds the records as well; beyond a limit they are exported by themselves.
 */
records_in_archive: boolean, new_names: Array<DeviceName>, };

/** Every command: what it takes and what it answers. */
export type Commands = {
  site_status: { request: Nothing; answer: SiteStatus };
  network_list: { request: Nothing; answer: Array<NetworkAddress> };
  site_start: { request: StartSite; answer: SiteStatus };
  broker_start: { request: Nothing; answer: SiteStatus };
  broker_stop: { request: Nothing; answer: SiteStatus };
  rescue_restore: { request: Nothing; answer: SiteStatus };
  kind_list: { request: Nothing; answer: Array<Kind> };
  device_list: { request: Nothing; answer: Array<Device> };
  device_create: { request: CreateDevice; answer: ProvisionedDevice };
  device_reissue: { request: DeviceRef; answer: ProvisionedDevice };
  device_revoke: { request: DeviceRef; answer: Device };
  device_restore: { request: DeviceRef; answer: Device };
  device_remove: { request: DeviceRef; answer: Nothing };
  class_preview: { request: PreviewClass; answer: ClassPreview };
  class_create: { request: CreateClass; answer: HandedOut };
  class_sheet: { request: PrintCards; answer: HandedOut };
  devices_rename: { request: RenameDevices; answer: DevicesChanged };
  devices_move: { request: MoveDevices; answer: DevicesChanged };
  devices_revoke: { request: DeviceRefs; answer: DevicesChanged };
  devices_restore: { request: DeviceRefs; answer: DevicesChanged };
  devices_remove: { request: DeviceRefs; answer: Nothing };
  year_preview: { request: EndYear; answer: YearPlan };
  year_end: { request: EndYear; answer: YearEnded };
  device_certify: { request: DeviceRef; answer: IssuedCertificate };
  authority_status: { request: Nothing; answer: AuthorityStatus };
  authority_change_start: { request: Nothing; answer: AuthorityStatus };
  authority_change_finish: { request: FinishAuthorityChange; answer: AuthorityStatus };
  clock_status: { request: Nothing; answer: ClockStatus };
  clock_serve: { request: ServeClock; answer: ClockStatus };
  enrolment_status: { request: Nothing; answer: Enrolment };
  enrolment_open: { request: OpenEnrolment; answer: Enrolment };
  enrolment_close: { request: Nothing; answer: Enrolment };
  simulated_start: { request: StartSimulated; answer: Array<Device> };
  simulated_remove: { request: Nothing; answer: Nothing };
  client_list: { request: Nothing; answer: Array<Client> };
  client_kick: { request: KickClient; answer: Nothing };
  event_list: { request: ListEvents; answer: EventPage };
  doctor_list: { request: Nothing; answer: Array<Patient> };
  doctor_forget: { request: PatientRef; answer: Nothing };
  self_test: { request: Nothing; answer: Array<TestStep> };
  network_check: { request: CheckNetwork; answer: NetworkReport };
  network_choose: { request: ChooseAddress; answer: SiteStatus };
  address_report: { request: Nothing; answer: AddressReport };
  firewall_open: { request: OpenFirewall; answer: FirewallOpened };
  serial_list: { request: Nothing; answer: SerialList };
  serial_attach: { request: AttachSerial; answer: SerialLink };
  serial_detach: { request: DeviceRef; answer: Nothing };
  topic_read: { request: TopicRef; answer: TopicDetail };
  message_publish: { request: PublishMessage; answer: Nothing };
  retained_clear: { request: TopicRef; answer: Nothing };
  record_query: { request: QueryRecords; answer: RecordPage };
  record_series: { request: QuerySeries; answer: Series };
  export_preview: { request: Selection; answer: ExportPreview };
  export_start: { request: StartExport; answer: ExportJob };
  export_status: { request: WatchExport; answer: ExportJob };
  export_drop: { request: ExportRef; answer: Nothing };
  feed_list: { request: Nothing; answer: Array<Feed> };
  feed_create: { request: CreateFeed; answer: CreatedFeed };
  feed_revoke: { request: FeedRef; answer: Nothing };
  rights_show: { request: Nothing; answer: RightsShown };
  rights_change: { request: ChangeRights; answer: RightsChanged };
  rights_undo: { request: Nothing; answer: RightsShown };
  rights_test: { request: TestRights; answer: RightsAnswer };
  rights_of: { request: DeviceRef; answer: DeviceRights };
  rights_prove: { request: Nothing; answer: RightsShown };
  guests_switch: { request: SwitchGuests; answer: SiteStatus };
  one_port_set: { request: SetOnePort; answer: SiteStatus };
  record_status: { request: Nothing; answer: RecorderStatus };
};

export const CODES: readonly Code[] = ["malformed", "unknown_command", "not_allowed", "not_signed_in", "wrong_origin", "too_large", "name_empty", "name_invalid", "name_taken", "group_invalid", "kind_unknown", "device_unknown", "site_not_started", "site_already_started", "address_unknown", "port_taken", "port_invalid", "port_forbidden", "topic_invalid", "filter_invalid", "qos_invalid", "payload_invalid", "time_invalid", "limit_invalid", "pattern_invalid", "column_missing", "list_empty", "claim_unknown", "claim_expired", "enrolment_closed", "request_invalid", "authority_in_use", "no_authority_change", "too_many_tries", "data_damaged", "disk_full", "broker_stopped", "rights_invalid", "rights_outdated", "nothing_to_undo", "ingest_unknown", "too_fast", "export_unknown", "exports_busy", "series_too_many", "feed_unknown", "internal"];

export const REFUSAL_CAUSES: readonly RefusalCause[] = ["wrong_password", "unknown_identity", "no_credentials", "revoked", "not_claimed", "untrusted_authority", "client_clock_wrong", "wrong_host_name", "left_after_tls", "plain_on_tls", "tls_on_plain", "tls_version", "tls_key_type", "tls_other", "client_certificate", "client_certificate_date", "client_certificate_revoked", "mqtt_on_web_socket", "web_on_mqtt", "no_web_socket", "web_socket_subprotocol", "wrong_zone", "client_id_taken", "duplicate_client_id", "client_id_invalid", "protocol_version", "protocol_error", "packet_too_large", "keep_alive_timeout", "publish_denied", "subscribe_denied", "will_denied", "foreign_origin", "too_many_connections", "too_slow", "server_busy"];

export const EVENT_KINDS: readonly EventKind[] = ["connected", "disconnected", "refused", "taken_over", "kicked", "device_created", "device_revoked", "device_restored", "device_removed", "claimed", "broker_started", "broker_stopped", "certificate_renewed", "address_changed", "rights_changed", "rights_wrong", "guests_opened", "one_port_opened", "one_port_closed", "guests_closed", "feed_created", "feed_revoked", "certificate_issued", "enrolment_opened", "enrolment_closed", "authority_change_started", "authority_changed", "recording_gap", "disk_low"];

export const FACT_KINDS: readonly FactKind[] = ["user", "asked_name", "right_name", "clock", "valid_since", "rule", "no_rule", "largest", "owner", "rivals", "takeovers", "keep_alive", "page"];

export const TEST_NAMES: readonly TestName[] = ["name", "port", "tls", "clock", "login", "publish", "receive"];

export const NETWORK_CAUSES: readonly NetworkCause[] = ["reached", "stopped", "loopback", "firewall", "closed_port", "wrong_address", "silence"];
