// One port for everything: stock clients of MQTT, of WebSocket and of HTTPS meet on it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import test from 'node:test';
import mqtt from 'mqtt';
import { Daemon, Refused } from '../harness/daemon.mjs';
import { BIN, PYTHON, Program, freePorts, run, scratch } from '../harness/processes.mjs';

/** Python's paho, which names its protocol in the handshake where it is told to. */
const PAHO = `
import ssl, sys
import paho.mqtt.client as paho
port, ca, user, password, topic, alpn = sys.argv[1:]
client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=user)
context = ssl.create_default_context(cafile=ca)
if alpn: context.set_alpn_protocols([alpn])
client.tls_set_context(context)
client.username_pw_set(user, password)
client.connect('127.0.0.1', int(port))
client.loop_start()
message = client.publish(topic, 'paho' + alpn, qos=1)
message.wait_for_publish(10)
print(message.is_published(), context and client.socket().selected_alpn_protocol())
`;

async function published(url, options, topic, text) {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 10_000, ...options });
  await client.publishAsync(topic, text, { qos: 1 });
  await client.endAsync();
}

async function curl(url, ca, more = [], input) {
  const answer = await run('curl', ['-sS', '--max-time', '10', '--cacert', ca, '-w', '\n%{http_code}', ...more, url], { input });
  const at = answer.stdout.lastIndexOf('\n');
  return { status: Number(answer.stdout.slice(at + 1)), body: answer.stdout.slice(0, at), stderr: answer.stderr };
}

async function refusal(promise) {
  const error = await promise.then(() => undefined, (refused) => refused);
  assert.ok(error instanceof Refused, `refused: ${error}`);
  return error.problem;
}

test('MQTT, WebSocket and HTTPS share one port, before and after a restart', { timeout: 60_000 }, async (t) => {
  const data = scratch(t);
  let daemon = await Daemon.start(t, { data });
  await daemon.startSite();
  const board = await daemon.device(t, 'serre-04');
  const certified = await daemon.call('device_certify', { id: 'serre-04' });
  for (const [name, text] of [['serre.crt', certified.certificate_pem], ['serre.key', certified.key_pem]]) fs.writeFileSync(path.join(board.folder, name), text);
  const [one, next] = await freePorts(2);
  assert.equal((await daemon.call('one_port_set', { port: one })).ports.one, one);
  const topic = 'salle114/groupe-a/serre-04/measures';
  const login = { username: 'serre-04', password: board.password, clientId: 'serre-04', ca: fs.readFileSync(board.ca) };
  const works = async (port) => {
    const texts = [`mqtts ${port}`, `wss ${port}`, 'paho', 'pahomqtt', `certificate ${port}`];
    await published(`mqtts://127.0.0.1:${port}`, login, topic, texts[0]);
    await published(`wss://127.0.0.1:${port}/mqtt`, login, topic, texts[1]);
    for (const alpn of ['', 'mqtt']) {
      const paho = await run(PYTHON, ['-c', PAHO, String(port), board.ca, 'serre-04', board.password, topic, alpn]);
      assert.equal(paho.stdout.trim(), `True ${alpn || 'None'}`, paho.stderr);
    }
    const mutual = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), '--cafile', board.ca, '--cert', path.join(board.folder, 'serre.crt'),
      '--key', path.join(board.folder, 'serre.key'), '-i', 'serre-04', '-q', '1', '-t', topic, '-m', texts[4]]);
    assert.equal(mutual.code, 0, mutual.stderr);
    const records = (await daemon.records(topic, 5)).map((record) => record.text);
    for (const text of texts) assert.ok(records.includes(text), `${text} in ${records}`);
    const time = await curl(`https://127.0.0.1:${port}/time`, board.ca);
    assert.ok(Math.abs(JSON.parse(time.body).unix - Date.now() / 1000) < 5, time.body + time.stderr);
    assert.match((await curl(`https://127.0.0.1:${port}/ca.pem`, board.ca)).body, /BEGIN CERTIFICATE/);
    assert.match((await curl(`https://127.0.0.1:${port}/`, board.ca, ['-L', '-H', 'Accept-Language: en'])).body, /Think before/);
  };
  await works(one);
  // Nothing but what the room may ask, under no other name, and enrolment while it is open.
  const at = `https://127.0.0.1:${one}`;
  assert.equal((await curl(`${at}/api/site_status`, board.ca, ['-d', '{}'])).status, 404);
  assert.equal((await curl(`${at}/time`, board.ca, ['-H', 'Host: evil.example'])).status, 421);
  const enrol = (body, more = []) => curl(`${at}/d/enroll`, board.ca, ['-H', 'Content-Type: application/json', '--data-binary', '@-', ...more], JSON.stringify(body));
  const token = (await daemon.call('device_reissue', { id: 'serre-04' })).claim.url.split('#')[1];
  assert.equal((await enrol({ token })).status, 503);
  await daemon.call('enrolment_open', { join_group: null });
  assert.equal((await enrol({ token }, ['-H', 'Origin: https://evil.example'])).status, 403);
  const enrolled = await enrol({ token });
  assert.equal(enrolled.status, 200, enrolled.body);
  login.password = JSON.parse(enrolled.body).password;
  board.password = login.password;
  const again = await daemon.call('device_certify', { id: 'serre-04' });
  for (const [name, text] of [['serre.crt', again.certificate_pem], ['serre.key', again.key_pem]]) fs.writeFileSync(path.join(board.folder, name), text);
  // A stranger is a stranger here too.
  await assert.rejects(published(`mqtts://127.0.0.1:${one}`, { ...login, password: 'AAAA-AAAA-AAAA-AAAA' }, topic, 'x'), /not authori[sz]ed|bad user ?name/i);
  const foreign = ['Origin: https://evil.example', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Protocol: mqtt', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];
  assert.equal((await curl(`${at}/mqtt`, board.ca, ['--http1.1', ...foreign.flatMap((header) => ['-H', header])])).status, 403);

  await daemon.program.stop();
  daemon = await Daemon.start(t, { data });
  await works(one);
  assert.equal((await daemon.call('one_port_set', { port: next })).ports.one, next);
  await published(`mqtts://127.0.0.1:${next}`, login, topic, 'moved');
  await daemon.call('one_port_set', { port: null });
  for (const port of [one, next]) {
    const [error] = await once(net.connect(port, '127.0.0.1'), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  }
});

test('a port that cannot be had is named, with what to do, and nothing changes', { timeout: 60_000 }, async (t) => {
  // Without the right to low ports, as any daemon that nobody gave it.
  const inside = process.getuid() === 0
    ? ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec setpriv --bounding-set=-net_bind_service --inh-caps=-net_bind_service "$0" "$@"']
    : [];
  const daemon = await Daemon.start(t, { inside });
  const { ports } = await daemon.startSite();
  const low = await refusal(daemon.call('one_port_set', { port: 443 }));
  assert.deepEqual([low.code, low.field], ['port_forbidden', 'ports.one']);
  assert.ok(Number(low.offer) > 1023, low.offer);
  const opened = await daemon.call('one_port_set', { port: Number(low.offer) });
  assert.equal(opened.ports.one, Number(low.offer));
  const double = await refusal(daemon.call('one_port_set', { port: ports.mqtts }));
  assert.deepEqual([double.code, double.field], ['port_invalid', 'ports.one']);

  const other = await Daemon.start(t);
  const mine = (await other.startSite()).ports;
  const held = net.createServer().listen(0, '127.0.0.1');
  t.after(() => held.close());
  await once(held, 'listening');
  const [free] = await freePorts(1);
  await other.call('one_port_set', { port: free });
  const taken = await refusal(other.call('one_port_set', { port: held.address().port }));
  assert.deepEqual([taken.code, taken.field], ['port_taken', 'ports.one']);
  assert.match(taken.message, /is taken by .*\(process \d+\)/);
  const { ports: after } = await other.call('site_status');
  assert.deepEqual(after, { ...mine, one: free });
  const stays = net.connect(free, '127.0.0.1');
  await once(stays, 'connect');
  stays.destroy();
});

test('the one port is taken at the next start: everybody else is served', { timeout: 60_000 }, async (t) => {
  const data = scratch(t);
  const first = await Daemon.start(t, { data });
  await first.startSite();
  const board = await first.device(t, 'serre-01');
  const [one] = await freePorts(1);
  await first.call('one_port_set', { port: one });
  await first.program.stop();
  const holder = net.createServer().listen(one, '127.0.0.1');
  t.after(() => holder.close());
  await once(holder, 'listening');
  const daemon = await Daemon.start(t, { data });
  assert.equal((await daemon.call('site_status')).phase, 'running');
  const said = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(board.port), '--cafile', board.ca, '-u', 'serre-01', '-P', board.password, '-i', 'serre-01', '-q', '1', '-t', board.topic, '-m', '1']);
  assert.equal(said.code, 0, said.stderr);
});

test('a lab has one port too', { timeout: 60_000 }, async (t) => {
  const folder = scratch(t);
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(folder, name));
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']);
  const lab = new Program(path.join(BIN, 'courtierd'), ['lab', '--port', '0', '--ws-port', '0', '--tls-port', '0', '--wss-port', '0', '--one-port', '0', '--cert', cert, '--key', key]);
  t.after(() => lab.stop());
  const port = await lab.line((line) => /all on one port: mqtts:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
  for (const scheme of ['mqtts', 'wss']) await published(`${scheme}://127.0.0.1:${port}/mqtt`, { ca: fs.readFileSync(cert) }, 'lab/x', scheme);
  assert.match((await curl(`https://127.0.0.1:${port}/time`, cert)).body, /"unix":\d+/);
});
