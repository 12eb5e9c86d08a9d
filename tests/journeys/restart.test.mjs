// What was set up, handed out, recorded and retained is there after a stop and after kill -9.
import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import fs from 'node:fs';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { BIN, Program, freePorts, run, scratch } from '../harness/processes.mjs';

function publish(device, topic, payload, more = []) {
  return run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(device.port), '--cafile', device.ca, '-u', device.device.id,
    '-P', device.password, '-i', device.device.id, '-q', '1', '-t', topic, '-m', payload, ...more]);
}

test('a stop and a kill -9 lose nothing that was acknowledged', { timeout: 120_000 }, async (t) => {
  const data = scratch(t);
  let daemon = await Daemon.start(t, { data });
  const before = await daemon.startSite();
  const device = await daemon.device(t, 'serre-01');
  const ca = (await daemon.request('GET', '/ca.pem')).body.toString();
  assert.equal((await publish(device, device.topic, '{"temperature": 19.5}')).code, 0);
  assert.equal((await publish(device, `${device.device.branch}/etat`, 'en ligne', ['-r'])).code, 0);

  const stopped = await daemon.program.stop();
  assert.equal(stopped.code, 0, daemon.program.lines.join('\n'));
  daemon = await Daemon.start(t, { data });
  const after = await daemon.call('site_status');
  assert.equal(after.phase, 'running');
  for (const kept of ['name', 'place', 'slug', 'address', 'ports', 'authority_fingerprint', 'certificate_until']) {
    assert.deepEqual(after[kept], before[kept], kept);
  }
  assert.equal((await daemon.request('GET', '/ca.pem')).body.toString(), ca);
  assert.deepEqual((await daemon.call('device_list')).map((each) => each.id), ['serre-01']);
  assert.equal((await daemon.records(device.topic))[0].text, '{"temperature": 19.5}');

  // The old password still opens the door, and what is retained is delivered to a reader that may read it.
  assert.equal((await publish(device, device.topic, '{"temperature": 19.6}')).code, 0);
  assert.equal((await daemon.call('topic_read', { topic: `${device.device.branch}/etat` })).retained, true);

  // Every message below was acknowledged (mosquitto_pub ends with 0), so every one is on disk.
  for (let index = 0; index < 10; index += 1) {
    assert.equal((await publish(device, device.topic, `${index}`)).code, 0);
  }
  await daemon.program.stop('SIGKILL');
  daemon = await Daemon.start(t, { data });
  const texts = (await daemon.records(device.topic, 12)).map((record) => record.text);
  for (let index = 0; index < 10; index += 1) assert.ok(texts.includes(`${index}`), `${index} was acknowledged and is lost`);
  assert.equal((await daemon.call('topic_read', { topic: `${device.device.branch}/etat` })).retained, true);
});

test('a second daemon on the same folder says that the first has it, and changes nothing', { timeout: 60_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const second = await run(path.join(BIN, 'courtierd'), ['run', '--data', daemon.data, '--json', '--no-http']);
  assert.notEqual(second.code, 0);
  assert.match(second.stderr + second.stdout, /another Courtier is using/);
  assert.equal((await daemon.call('site_status')).phase, 'running');
});

test('a taken port is named with its holder, and another port is offered', { timeout: 60_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const holder = net.createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.after(() => holder.close());
  const { port } = holder.address();
  const [wss, claim] = await freePorts(2);
  const problem = await daemon.startSite({ ports: { mqtts: port, wss, claim, mqtt: null } }).then(() => undefined, (refused) => refused.problem);
  assert.equal(problem?.code, 'port_taken');
  assert.equal(problem.field, 'ports.mqtts');
  assert.match(problem.message, new RegExp(`${process.pid}|node`), problem.message);
  assert.notEqual(Number(problem.offer), port);
  const status = await daemon.startSite({ ports: { mqtts: Number(problem.offer), wss, claim, mqtt: null } });
  assert.equal(status.phase, 'running');
});

for (const [name, file, what] of [['settings', 'settings.toml', 'settings'], ['database', 'recordings.db', 'recordings'], ['authority', 'authority.pem', 'authority']]) {
  test(`a damaged ${name} file starts nothing weaker, is kept, and is named`, { timeout: 60_000 }, async (t) => {
    const data = scratch(t);
    let daemon = await Daemon.start(t, { data });
    await daemon.startSite();
    await daemon.program.stop();
    const damaged = Buffer.from('this is not what it was '.repeat(400));
    fs.writeFileSync(path.join(data, file), damaged);
    for (const left of ['-wal', '-shm']) fs.rmSync(path.join(data, file + left), { force: true });
    daemon = await Daemon.start(t, { data });
    const status = await daemon.call('site_status');
    assert.equal(status.phase, 'damaged');
    assert.equal(status.damage.what, what);
    const kept = path.isAbsolute(status.damage.kept_file) ? status.damage.kept_file : path.join(data, status.damage.kept_file);
    assert.deepEqual(fs.readFileSync(kept), damaged);
    const refused = await daemon.call('device_create', { id: 'x', group: 'g', kind: 'other', language: 'fr' }).then(() => undefined, (error) => error.problem.code);
    assert.equal(refused, 'data_damaged');
  });
}

test('the lab is a throw-away broker on loopback that keeps nothing and denies what it was told', { timeout: 60_000 }, async (t) => {
  const [port, wsPort] = await freePorts(2);
  const lab = new Program(path.join(BIN, 'courtierd'), ['lab', '--port', String(port), '--ws-port', String(wsPort), '--deny', 'secret/#']);
  t.after(() => lab.stop());
  await lab.line((line) => line.includes(String(port)));
  const at = ['-h', '127.0.0.1', '-p', String(port), '-V', '5', '-q', '1'];
  const sub = new Program('stdbuf', ['-oL', 'mosquitto_sub', ...at, '-t', 'lesson/#', '-C', '1', '-d']);
  t.after(() => sub.stop());
  await sub.line((line) => line.includes('SUBACK'));
  assert.equal((await run('mosquitto_pub', [...at, '-t', 'lesson/one', '-m', 'bonjour'])).code, 0);
  await sub.line((line) => line === 'bonjour');
  const denied = await run('mosquitto_pub', [...at, '-t', 'secret/one', '-m', 'x', '-d']);
  assert.match(denied.stdout + denied.stderr, /135|[Nn]ot authorized/);
  const upgrade = (origin) => new Promise((resolve, reject) => {
    const socket = net.connect(wsPort, '127.0.0.1', () => socket.write(
      `GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1:${wsPort}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`
      + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n${origin ? `Origin: ${origin}\r\n` : ''}\r\n`));
    socket.once('data', (data) => { resolve(String(data).split('\r\n')[0]); socket.destroy(); });
    socket.once('error', reject);
    socket.once('close', () => resolve('closed'));
  });
  assert.match(await upgrade(), / 101 /);
  assert.match(await upgrade('https://evil.example'), / 403 |closed/);
});
