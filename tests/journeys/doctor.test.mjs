// "It does not connect": faults that real clients make, each named by the doctor within ten seconds,
// with a remedy at most two clicks away; and no false accusation among healthy clients.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import WebSocket from 'ws';
import { browser, shot, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { Cable } from '../harness/networks.mjs';
import { PYTHON, Program, run, scratch, until } from '../harness/processes.mjs';

const DEADLINE = 10_000;
/** Every fault with what was named, for the table at the end. */
const table = [];
/** A class can need a while to notice what this test provokes in a row. */
const quiet = { deadline: 15_000 };

/** mosquitto_pub as `device`, from an address of its own, so that nameless tries are told apart. */
const mosquitto = (device, from, more = {}) => {
  const { host = '127.0.0.1', port = device.port, ca = device.ca, user = device.device.id, password = device.password, id = user, topic = device.topic, before = [] } = more;
  const [program, ...first] = [...before, 'mosquitto_pub'];
  const login = [...(user ? ['-u', user] : []), ...(password ? ['-P', password] : [])];
  const tls = ca ? ['--cafile', ca] : [];
  return run(program, [...first, '-h', host, '-A', from, '-p', String(port), ...tls, ...login, '-i', id, '-q', '1', '-t', topic, '-m', '1'], quiet);
};

/** openssl s_client: a handshake and nothing else. */
const openssl = (device, from, ...args) => run('openssl', ['s_client', '-connect', `127.0.0.1:${device.port}`, '-bind', from, '-CAfile', device.ca, ...args], { ...quiet, input: '\n' });

/** An MQTT.js client that tries once. */
async function mqttjs(url, options) {
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 5000, ...options });
  await new Promise((done) => client.once('connect', done).once('error', done).once('close', done));
  return client;
}

/** Waits for the patient that `find` accepts with a cause, and notes how long that took. */
async function named(daemon, { fault, client, act, find, cause }) {
  const began = performance.now();
  const since = (await daemon.call('site_status')).now_ms;
  const acting = Promise.resolve(act()).catch((error) => ({ error }));
  let last = [];
  const look = async () => {
    last = (await daemon.call('doctor_list')).filter((patient) => patient.refusal.at_ms >= since - 50 && find(patient));
    return last.find((patient) => patient.refusal.cause === cause);
  };
  const patient = await until(look, fault, DEADLINE).catch(() => undefined);
  const ms = Math.round(performance.now() - began);
  table.push({ fault, client, cause: patient?.refusal.cause ?? (last.map((each) => each.refusal.cause).join(', ') || 'nobody named'), right: Boolean(patient), ms });
  await acting;
  return patient;
}

const device = (id) => (patient) => patient.device === id;
const from = (address) => (patient) => patient.address === address;
const fact = (patient, kind) => patient?.refusal.facts.find((each) => each.kind === kind)?.value;

test('the faults of people who connect boards', { timeout: 240_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite({ guests: true });
  const { ports } = daemon.status;
  const board = await daemon.device(t, 'serre-04');
  const other = await daemon.device(t, 'serre-05');
  const folder = scratch(t);
  const foreign = path.join(folder, 'ca.pem');
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path.join(folder, 'k.pem'), '-out', foreign, '-subj', '/CN=Another', '-days', '30']);
  const main = (name, more) => named(daemon, { fault: name, ...more });

  await main('wrong password', { client: 'mosquitto_pub', cause: 'wrong_password', find: device('serre-04'),
    act: () => mosquitto(board, '127.0.0.11', { password: 'AAAA-AAAA-AAAA-AAAA' }) });
  await main('TLS on the plain port', { client: 'mosquitto_pub', cause: 'tls_on_plain', find: from('127.0.0.12'),
    act: () => mosquitto(board, '127.0.0.12', { port: ports.mqtt }) });
  await main('plain on the TLS port', { client: 'mosquitto_pub', cause: 'plain_on_tls', find: from('127.0.0.13'),
    act: () => mosquitto(board, '127.0.0.13', { ca: null }) });
  await main('unknown authority', { client: 'mosquitto_pub', cause: 'untrusted_authority', find: from('127.0.0.14'),
    act: () => mosquitto(board, '127.0.0.14', { ca: foreign }) });
  const misnamed = await main('wrong name', { client: 'openssl s_client', cause: 'wrong_host_name', find: from('127.0.0.15'),
    act: () => openssl(board, '127.0.0.15', '-servername', 'courtier.lan', '-verify_hostname', 'courtier.lan', '-verify_return_error') });
  assert.equal(fact(misnamed, 'asked_name'), 'courtier.lan');
  await main('board clock in 1970', { client: 'mosquitto_pub, faketime', cause: 'client_clock_wrong', find: from('127.0.0.16'),
    act: () => mosquitto(board, '127.0.0.16', { before: ['faketime', '-f', '@1970-01-02 00:00:00'] }) });
  const rivals = await main('duplicate client id', { client: 'two mosquitto_sub', cause: 'duplicate_client_id', find: device('serre-04'),
    act: async () => {
      const twins = ['127.0.0.17', '127.0.0.18'].map((address) => new Program('mosquitto_sub', ['-h', '127.0.0.1', '-A', address, '-p', String(board.port), '--cafile', board.ca, '-u', 'serre-04', '-P', board.password, '-i', 'serre-04', '-t', `${board.device.branch}/commands/#`]));
      const told = (patient) => patient.device === 'serre-04' && patient.refusal.cause === 'duplicate_client_id';
      await until(async () => (await daemon.call('doctor_list')).some(told), 'the fight', DEADLINE).catch(() => {});
      await Promise.all(twins.map((twin) => twin.stop()));
    } });
  for (const address of ['127.0.0.17', '127.0.0.18']) assert.match(fact(rivals, 'rivals') ?? '', new RegExp(address));
  const denied = await main('denied topic', { client: 'paho', cause: 'publish_denied', find: device('serre-05'),
    act: () => run(PYTHON, ['-c', `
import paho.mqtt.publish as publish, sys
publish.single(sys.argv[1], '1', qos=1, hostname='127.0.0.1', port=int(sys.argv[2]), client_id='serre-05', auth={'username': 'serre-05', 'password': sys.argv[3]}, tls={'ca_certs': sys.argv[4]})
`, board.topic, String(other.port), other.password, other.ca], quiet) });
  assert.equal(denied?.topic, board.topic);
  await main('message too large', { client: 'MQTT.js', cause: 'packet_too_large', find: device('serre-05'),
    act: async () => {
      const client = await mqttjs(`mqtts://127.0.0.1:${other.port}`, { ca: fs.readFileSync(other.ca), username: 'serre-05', password: other.password, clientId: 'serre-05' });
      client.publish(other.topic, Buffer.alloc(3 * 1024 * 1024), { qos: 0 });
      await once(client, 'close');
    } });

  // Five more.
  await main('unknown user', { client: 'mosquitto_pub', cause: 'unknown_identity', find: from('127.0.0.21'),
    act: () => mosquitto(board, '127.0.0.21', { user: 'serre-4' }) });
  await main('neither name nor password', { client: 'MQTT.js', cause: 'no_credentials', find: device('serre-05'),
    act: () => mqttjs(`mqtts://127.0.0.1:${other.port}`, { ca: fs.readFileSync(other.ca), clientId: 'serre-05' }) });
  await main('TLS too old', { client: 'openssl s_client', cause: 'tls_version', find: from('127.0.0.23'),
    act: () => openssl(board, '127.0.0.23', '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0') });
  await main('WebSocket without its subprotocol', { client: 'ws', cause: 'web_socket_subprotocol', find: from('127.0.0.24'),
    act: async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${ports.wss}/mqtt`, { ca: fs.readFileSync(board.ca), localAddress: '127.0.0.24' });
      await new Promise((done) => socket.once('error', done).once('open', done));
      socket.terminate();
    } });
  await main('silence longer than promised', { client: 'raw socket', cause: 'keep_alive_timeout', find: device('visiteur'),
    act: async () => {
      const guest = await daemon.call('device_create', { id: 'visiteur', group: 'guests', kind: 'other', language: 'fr' });
      const socket = net.connect(ports.mqtt, '127.0.0.1').on('error', () => {});
      const text = (word) => Buffer.concat([Buffer.from([0, word.length]), Buffer.from(word)]);
      const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0xc2, 0, 1]), text('visiteur'), text('visiteur'), text(guest.password)]);
      socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
      await once(socket.resume(), 'close');
    } });

  // And others that are not counted among the seventeen.
  const extra = (name, more) => named(daemon, { fault: `(${name})`, ...more });
  await extra('MQTT at the WebSocket door', { client: 'mosquitto_pub', cause: 'mqtt_on_web_socket', find: from('127.0.0.31'),
    act: () => mosquitto(board, '127.0.0.31', { port: ports.wss }) });
  await extra('WebSocket at the MQTT door', { client: 'ws', cause: 'web_on_mqtt', find: from('127.0.0.32'),
    act: async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${ports.mqtts}/mqtt`, 'mqtt', { ca: fs.readFileSync(board.ca), localAddress: '127.0.0.32' });
      await new Promise((done) => socket.once('error', done).once('open', done));
    } });
  await extra('no cipher in common', { client: 'openssl s_client', cause: 'tls_key_type', find: from('127.0.0.33'),
    act: () => openssl(board, '127.0.0.33', '-tls1_2', '-cipher', 'AES128-SHA256:@SECLEVEL=0') });
  await extra('authority unknown to Node', { client: 'MQTT.js', cause: 'left_after_tls', find: from('127.0.0.34'),
    act: () => mqttjs(`mqtts://127.0.0.1:${board.port}`, { ca: fs.readFileSync(foreign), clientId: 'x', localAddress: '127.0.0.34' }) });
  await extra('wrong name in Node', { client: 'MQTT.js', cause: 'wrong_host_name', find: from('127.0.0.35'),
    act: () => mqttjs(`mqtts://127.0.0.1:${board.port}`, { ca: fs.readFileSync(board.ca), servername: 'maison.lan', clientId: 'x', localAddress: '127.0.0.35' }) });
  await extra('a device at the guests’ door', { client: 'mosquitto_pub', cause: 'wrong_zone', find: device('serre-04'),
    act: () => mosquitto(board, '127.0.0.36', { port: ports.mqtt, ca: null }) });
  const born = await extra('mbedTLS with its clock at zero', { client: 'raw TLS 1.2', cause: 'client_clock_wrong', find: from('127.0.0.37'),
    act: () => mbedtls(board.port, '127.0.0.37') });
  assert.match(fact(born, 'clock') ?? '', /^1970-01-01T00:0/);
  await daemon.call('device_revoke', { id: 'serre-04' });
  await main('disabled device', { client: 'mosquitto_pub', cause: 'revoked', find: device('serre-04'), act: () => mosquitto(board, '127.0.0.38') });
  await daemon.call('device_restore', { id: 'serre-04' });

  await t.test('the page shows each with a remedy at most two clicks away', async () => {
    const page = await signedIn(await browser(t), daemon);
    // One click.
    await page.getByRole('link', { name: /^Docteur/ }).click();
    await page.getByRole('heading', { level: 1, name: /souci/ }).waitFor();
    const ill = (await daemon.call('doctor_list')).filter((patient) => patient.cured_ms === null);
    assert.equal(await page.locator('.patients > li').count(), ill.length);
    for (const item of await page.locator('.patients > li').all()) {
      assert.ok((await item.locator('p').last().textContent()).length > 10);
      assert.match(await item.locator('h2').textContent(), / : |\u00a0: /);
    }
    // The second click is the remedy itself, where one click can do it.
    assert.ok(await page.locator('.patients > li').getByRole('button', { name: /Copier|Enregistrer/ }).count() >= 5);
    await shot(page, 'doctor-full-fr-light');
    assert.deepEqual(page.faults, []);
  });
});

/** A ClientHello of TLS 1.2 as mbedTLS makes it on a board without a clock, then the alert that its
 *  check of the date sends. */
async function mbedtls(port, localAddress) {
  const random = Buffer.alloc(32, 7);
  random.writeUInt32BE(9, 0);
  const short = (...numbers) => Buffer.concat(numbers.map((number) => Buffer.from([number >> 8, number & 255])));
  const extension = (kind, body) => Buffer.concat([short(kind, body.length), body]);
  const extensions = Buffer.concat([
    extension(10, short(2, 23)), extension(11, Buffer.from([1, 0])), extension(13, short(4, 0x0403, 0x0804)), extension(23, Buffer.alloc(0)),
  ]);
  const body = Buffer.concat([Buffer.from([3, 3]), random, Buffer.from([0]), short(2, 0xc02b), Buffer.from([1, 0]), short(extensions.length), extensions]);
  const hello = Buffer.concat([Buffer.from([1, 0]), short(body.length), body]);
  const socket = net.connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
  socket.write(Buffer.concat([Buffer.from([0x16, 3, 3]), short(hello.length), hello]));
  await once(socket, 'data');
  socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 46]));
  await once(socket.resume(), 'close');
}

test('the faults that leave no trace at the door', { timeout: 120_000 }, async (t) => {
  const cable = await Cable.lay(t, [2, 3, 4, 5]);
  const daemon = await Daemon.start(t, { inside: cable.inside(cable.house) });
  await daemon.startSite({ address: '10.77.0.1' });
  const board = await daemon.device(t, 'serre-04');
  const knock = (from, host, port) => cable.run(cable.board, 'mosquitto_pub', ['-h', host, '-A', `10.77.0.${from}`, '-p', String(port), '--cafile', board.ca, '-u', 'serre-04', '-P', board.password, '-t', board.topic, '-m', '1'], { deadline: 4000 });
  const network = async (fault, from, cause, act) => {
    const began = performance.now();
    const since = (await daemon.call('site_status')).now_ms;
    await cable.forget();
    const acting = act();
    let last;
    const right = await until(async () => {
      last = await daemon.call('network_check', { since_ms: since });
      return last.cause === cause && (cause !== 'silence' || performance.now() - began > 2500);
    }, fault, DEADLINE).catch(() => false);
    table.push({ fault, client: 'mosquitto_pub', cause: last.cause, right: Boolean(right), ms: Math.round(performance.now() - began) });
    await acting;
    return last;
  };
  // The tables of the system as they are before anybody comes.
  await daemon.call('network_check', { since_ms: 0 });

  await network('wrong IP', 2, 'silence', () => knock(2, '10.77.0.99', board.port));
  const closed = await network('wrong port', 3, 'closed_port', () => knock(3, '10.77.0.1', 1999));
  assert.deepEqual(closed.looking, ['10.77.0.3']);
  const nft = await cable.run(cable.house, 'nft', ['-f', '-'], { input: `table inet wall {\n chain input {\n type filter hook input priority 0\n tcp dport ${board.port} drop\n }\n}\n` });
  assert.equal(nft.code, 0, nft.stderr);
  const blocked = await network('firewall', 4, 'firewall', () => knock(4, '10.77.0.1', board.port));
  assert.deepEqual(blocked.looking, ['10.77.0.4']);
  for (const help of blocked.firewalls.filter(({ tool }) => tool !== 'macos')) assert.match(help.command, new RegExp(`\\b${board.port}\\b`), help.tool);

  // A phone opens the page behind the code: the network is not the reason.
  const since = (await daemon.call('site_status')).now_ms;
  const phone = await cable.run(cable.board, 'curl', ['-sS', '--interface', '10.77.0.5', '-H', 'Accept: text/html', blocked.ping_url]);
  assert.match(phone.stdout, /Ce téléphone atteint Courtier/, phone.stderr);
  const reached = await daemon.call('network_check', { since_ms: since });
  assert.deepEqual([reached.cause, reached.pings, reached.looking], ['wrong_address', ['10.77.0.5'], []]);

  // The walk as a device goes by the loopback of this computer's own address: no firewall of others.
  const open = await cable.run(cable.house, 'nft', ['delete', 'table', 'inet', 'wall']);
  assert.equal(open.code, 0, open.stderr);
  assert.equal((await knock(4, '10.77.0.1', board.port)).code, 0);
  assert.equal((await daemon.call('network_check', { since_ms: since })).cause, 'reached');
});

test('seventeen faults: the right cause, in ten seconds', () => {
  const line = ({ fault, client, cause, right, ms }) => `${right ? 'right' : 'WRONG'}  ${String(ms).padStart(5)} ms  ${fault.padEnd(36)} ${client.padEnd(24)} ${cause}`;
  console.log(table.map(line).join('\n'));
  const counted = table.filter(({ fault }) => !fault.startsWith('('));
  assert.equal(counted.length, 17 + 1, 'twelve of the plan, five more, and the disabled device');
  assert.deepEqual(table.filter(({ right, ms }) => !right || ms > DEADLINE), []);
});

test('a hundred healthy clients, and nobody is accused', { timeout: 180_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const boards = await Promise.all(Array.from({ length: 5 }, (_, at) => daemon.device(t, `serre-0${at}`)));
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(boards.map(async (board) => {
      const { code, stderr } = await mosquitto(board, '127.0.0.1');
      assert.equal(code, 0, stderr);
    }));
    await Promise.all(boards.map(async (board, at) => {
      const url = at % 2 ? `mqtts://127.0.0.1:${board.port}` : `wss://127.0.0.1:${daemon.status.ports.wss}/mqtt`;
      const client = await mqttjs(url, { ca: fs.readFileSync(board.ca), username: board.device.id, password: board.password, clientId: board.device.id });
      await client.publishAsync(board.topic, '1', { qos: 1 });
      await client.endAsync();
    }));
  }
  // The journal is some milliseconds behind the door.
  const seen = [];
  let since = 0;
  await until(async () => {
    const page = await daemon.call('event_list', { since, wait_ms: 0, device: null });
    seen.push(...page.events);
    since = page.next;
    return !page.events.length && seen.filter((event) => event.kind === 'connected').length >= 100;
  }, 'a hundred connects are in the journal');
  assert.equal(seen.filter((event) => event.kind === 'connected').length, 100);
  assert.deepEqual(seen.filter((event) => event.refusal), []);
  assert.deepEqual(await daemon.call('doctor_list'), []);
});
