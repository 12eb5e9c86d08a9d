// The name on the network, another address, and another card: what follows by itself.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { Cable } from '../harness/networks.mjs';
import { until } from '../harness/processes.mjs';

const A = 1;
const PTR = 12;
const TXT = 16;
const bytes = (address) => String.fromCharCode(...address.split('.').map(Number));

test('the site is found by name, and follows its address', { timeout: 120_000 }, async (t) => {
  const cable = await Cable.lay(t);
  const daemon = await Daemon.start(t, { inside: cable.inside(cable.house), env: { COURTIER_MDNS: 'on' } });
  await daemon.startSite({ address: '10.77.0.1' });
  const board = await daemon.device(t, 'fixe', 'micropython');
  const phone = await daemon.device(t, 'nomade', 'raspberry-python');
  const knock = (device, host) => cable.run(cable.board, 'mosquitto_pub', ['-h', host, '-p', String(device.port), '--cafile', device.ca, '-u', device.device.id, '-P', device.password, '-i', device.device.id, '-t', device.topic, '-q', '1', '-m', '1'], { deadline: 5000 });
  assert.equal((await knock(board, '10.77.0.1')).code, 0);

  const found = (question, type, what) => until(async () => (await cable.mdns(question, type)).includes(what), `${question} tells ${JSON.stringify(what)}`, 15_000);
  await found('salle114.local', A, bytes('10.77.0.1'));
  for (const service of ['_secure-mqtt._tcp.local', '_courtier._tcp.local']) await found(service, PTR, 'Salle 114');
  await found('Salle 114._courtier._tcp.local', TXT, 'path=/');
  assert.ok(!(await cable.mdns('_mqtt._tcp.local', PTR)).includes('Salle 114'), 'the plain door is closed');

  const steps = await daemon.call('self_test');
  assert.deepEqual(steps.map(({ name, state }) => `${name} ${state}`), ['name', 'port', 'tls', 'clock', 'login', 'publish', 'receive'].map((name) => `${name} good`), JSON.stringify(steps));

  // The network gives out another address.
  const began = performance.now();
  await cable.move(1, 50);
  await until(async () => (await knock(board, '10.77.0.50')).code === 0, 'the doors follow', 20_000);
  console.log(`doors, certificate: ${Math.round(performance.now() - began)} ms after the address changed`);
  await found('salle114.local', A, bytes('10.77.0.50'));
  console.log(`name: ${Math.round(performance.now() - began)} ms after the address changed`);
  // A laptop that comes back to this room needs no other certificate.
  const { server_names } = await daemon.call('authority_status');
  for (const address of ['10.77.0.1', '10.77.0.50']) assert.ok(server_names.includes(address), `${address} in ${server_names}`);
  const report = await daemon.call('address_report');
  assert.deepEqual([report.changed?.from, report.changed?.to], ['10.77.0.1', '10.77.0.50']);
  // The board that was touched is back; the other knows the name.
  assert.deepEqual([report.to_touch, report.following], [[], [phone.device.id]]);
  assert.ok(await daemon.event((event) => event.kind === 'address_changed'));

  // Back to this computer alone, by hand, and to the room again.
  const status = await daemon.call('network_choose', { address: '127.0.0.1' });
  assert.equal(status.address, '127.0.0.1');
  assert.notEqual((await knock(board, '10.77.0.50')).code, 0);
  await daemon.call('network_choose', { address: '10.77.0.50' });
  assert.equal((await knock(board, '10.77.0.50')).code, 0);
  await assert.rejects(daemon.call('network_choose', { address: '10.77.0.77' }), (refused) => refused.problem.code === 'address_unknown');
});

test('who holds only the old address is named', { timeout: 60_000 }, async (t) => {
  const cable = await Cable.lay(t);
  const daemon = await Daemon.start(t, { inside: cable.inside(cable.house) });
  await daemon.startSite({ address: '10.77.0.1' });
  await daemon.device(t, 'fixe', 'micropython');
  await daemon.device(t, 'nomade', 'raspberry-python');
  await cable.move(1, 50);
  const report = await until(async () => {
    const report = await daemon.call('address_report');
    return report.changed && report;
  }, 'the change is told');
  assert.deepEqual([report.to_touch, report.following], [['fixe'], ['nomade']]);
});
