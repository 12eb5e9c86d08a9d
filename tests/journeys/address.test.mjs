// The computer gets another address: two network namespaces with a cable between them, real mDNS.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { BIN, Program, freePorts, run, scratch, until } from '../harness/processes.mjs';

const [BEFORE, AFTER, CLIENT] = ['10.77.0.10', '10.77.0.20', '10.77.0.99'];
const BY_NAME = 25;
const BY_ADDRESS = 5;

async function ip(...args) {
  const done = await run('ip', args);
  if (done.code !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr.trim()}`);
}

/** A room and a house next to it, joined by one cable; or why that is not possible here. */
async function twoHosts(t) {
  const mark = process.pid.toString(36);
  const [server, clients] = [`courtier-s${mark}`, `courtier-c${mark}`];
  try {
    if (process.platform !== 'linux' || process.getuid() !== 0) throw new Error('only root may make network namespaces');
    for (const name of [server, clients]) await ip('netns', 'add', name);
    t.after(async () => {
      for (const name of [server, clients]) await run('ip', ['netns', 'del', name]);
    });
    await ip('link', 'add', 'eth0', 'netns', server, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', clients);
    for (const [name, address] of [[server, BEFORE], [clients, CLIENT]]) {
      await ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
      await ip('-n', name, 'link', 'set', 'lo', 'up');
      await ip('-n', name, 'link', 'set', 'eth0', 'up');
      await ip('-n', name, 'route', 'add', '224.0.0.0/4', 'dev', 'eth0');
    }
  } catch (error) {
    return { skip: error.message };
  }
  return { server, clients };
}

test('after a change of address, whoever goes by name is back untouched, and the others are named', { timeout: 150_000 }, async (t) => {
  const { skip, server, clients } = await twoHosts(t);
  if (skip) return t.skip(skip);
  const data = scratch(t);
  const program = new Program('ip', ['netns', 'exec', server, path.join(BIN, 'courtierd'), 'run', '--data', data, '--json', '--no-http'],
    { env: { ...process.env, COURTIER_SECRETS: 'file', RUST_LOG: 'warn,mdns_sd=off' } });
  t.after(() => program.stop());
  await program.line((line) => line.startsWith('{'));
  const daemon = new Daemon(program, data);
  const status = await daemon.startSite({ address: BEFORE });
  assert.equal(status.host_name, 'salle114.local');

  const devices = [];
  for (let number = 1; number <= BY_NAME + BY_ADDRESS; number += 1) {
    const byName = number <= BY_NAME;
    const id = `${byName ? 'nom' : 'adresse'}-${String(number).padStart(2, '0')}`;
    const handed = await daemon.call('device_create', { id, group: 'groupe-a', kind: byName ? 'raspberry-python' : 'micropython', language: 'fr' });
    const config = JSON.parse(handed.files.find((file) => file.name === 'config.json').text);
    assert.equal(config.hosts[0], byName ? 'salle114.local' : BEFORE, 'what its files say');
    devices.push({ id, host: config.hosts[0], password: handed.password });
  }
  const list = path.join(scratch(t), 'devices.json');
  fs.writeFileSync(list, JSON.stringify({ devices, port: status.ports.mqtts, ca: (await daemon.request('GET', '/ca.pem')).body.toString(), from: CLIENT }));
  const boards = new Program('ip', ['netns', 'exec', clients, process.execPath, path.resolve(import.meta.dirname, '../harness/boards.mjs'), list]);
  t.after(() => boards.stop());
  const online = async (wanted) => (await daemon.call('device_list')).filter((device) => device.state === 'online' && wanted(device.id)).length;
  await until(async () => (await online(() => true)) === BY_NAME + BY_ADDRESS, 'all are connected', 60_000);
  assert.equal((await daemon.call('address_report')).changed, null);

  const began = performance.now();
  await ip('-n', server, 'addr', 'del', `${BEFORE}/24`, 'dev', 'eth0');
  await ip('-n', server, 'addr', 'add', `${AFTER}/24`, 'dev', 'eth0');
  await ip('-n', server, 'route', 'replace', '224.0.0.0/4', 'dev', 'eth0');
  await boards.line((line) => line === `back ${BY_NAME}`, 60_000);
  const took = (performance.now() - began) / 1000;
  t.diagnostic(`${BY_NAME} clients by name are back after ${took.toFixed(1)} s`);
  assert.ok(took <= 60);

  const now = await daemon.call('site_status');
  const report = await daemon.call('address_report');
  assert.deepEqual([now.address, report.changed.from, report.changed.to], [AFTER, BEFORE, AFTER]);
  const lost = report.to_touch.toSorted();
  assert.deepEqual(lost, devices.slice(BY_NAME).map((device) => device.id), 'exactly those that know the address alone');
  assert.ok((await daemon.call('event_list', { since: 0, wait_ms: 0, device: null })).events.some((event) => event.kind === 'address_changed'));

  // What to do: new files. They say the new address, and the device is no longer among the lost.
  const mended = await daemon.call('device_reissue', { id: lost[0] });
  assert.equal(JSON.parse(mended.files.find((file) => file.name === 'config.json').text).hosts[0], AFTER);
  const left = (await daemon.call('address_report')).to_touch.length;
  assert.equal(left, BY_ADDRESS - 1);
  // Or the old address again.
  await ip('-n', server, 'addr', 'add', `${BEFORE}/24`, 'dev', 'eth0');
});
