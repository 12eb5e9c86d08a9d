// Real foreign clients use what the wizard hands out, over TLS, and their values arrive in the
// browser's live view and in the recorder.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import { browser, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { PYTHON, Program, freePorts, run, scratch, until } from '../harness/processes.mjs';

const NODE_RED = path.resolve(import.meta.dirname, '../node_modules/node-red/red.js');

/** The options every mosquitto client needs to speak for a device. */
function mosquitto(device, host = device.address) {
  return ['-h', host, '-p', String(device.port), '--cafile', device.ca, '-u', device.device.id, '-P', device.password, '-i', device.device.id];
}

async function seenLive(page, topic, value) {
  await page.goto(`${new URL(page.url()).origin}/#/live?topic=${encodeURIComponent(topic)}`);
  await page.getByText(value, { exact: false }).first().waitFor({ timeout: 15_000 });
}

test('foreign clients reach the screen and the disk', { timeout: 240_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const page = await signedIn(await browser(t), daemon);

  for (const host of ['127.0.0.1', 'localhost']) {
    await t.test(`mosquitto_pub and mosquitto_sub, host checked as ${host}`, async (t) => {
      const id = host === 'localhost' ? 'mosq-nom' : 'mosq-ip';
      const device = await daemon.device(t, id);
      const pub = await run('mosquitto_pub', [...mosquitto(device, host), '-q', '1', '-t', device.topic, '-m', `{"temperature": 21.5, "hote": "${host}"}`]);
      assert.equal(pub.code, 0, pub.stderr);
      const [record] = await daemon.records(device.topic);
      assert.deepEqual(JSON.parse(record.text), { temperature: 21.5, hote: host });
      await seenLive(page, device.topic, host);

      const commands = `${device.device.branch}/commands/led`;
      const sub = new Program('stdbuf', ['-oL', 'mosquitto_sub', ...mosquitto(device, host), '-q', '1', '-t', commands, '-C', '1', '-d']);
      t.after(() => sub.stop());
      await sub.line((line) => line.includes('SUBACK'));
      await daemon.call('message_publish', { topic: commands, payload: 'allume', qos: 1, retain: false });
      await sub.line((line) => line === 'allume');
    });
  }

  await t.test('paho-mqtt 2, with the script of the wizard', async (t) => {
    const device = await daemon.device(t, 'pi-salle', 'raspberry-python');
    const script = device.files.find((file) => file.main);
    assert.match(script.name, /\.py$/);
    const python = new Program(PYTHON, ['-u', script.name], { cwd: device.folder });
    t.after(() => python.stop());
    const records = await daemon.records(device.topic, 2).catch((error) => { throw new Error(`${error}\n${python.lines.join('\n')}`); });
    assert.equal(typeof JSON.parse(records[0].text).temperature, 'number');
    await seenLive(page, device.topic, 'temperature');
  });

  await t.test('MQTT.js over secure WebSocket', async (t) => {
    const device = await daemon.device(t, 'page-web');
    const client = mqtt.connect(`wss://localhost:${daemon.status.ports.wss}/mqtt`, {
      ca: fs.readFileSync(device.ca), username: device.device.id, password: device.password, clientId: device.device.id, protocolVersion: 5, reconnectPeriod: 0,
    });
    t.after(() => client.endAsync(true));
    await new Promise((connected, failed) => client.once('connect', connected).once('error', failed));
    await client.publishAsync(device.topic, '{"lumiere": 142}', { qos: 1 });
    const [record] = await daemon.records(device.topic);
    assert.deepEqual(JSON.parse(record.text), { lumiere: 142 });
    await seenLive(page, device.topic, '142');
  });

  await t.test('Node-RED, with the flow of the wizard', async (t) => {
    const device = await daemon.device(t, 'nodered', 'node-red');
    const [port] = await freePorts(1);
    const folder = scratch(t, 'node-red-');
    const settings = path.join(folder, 'settings.js');
    fs.writeFileSync(settings, `module.exports = { uiHost: '127.0.0.1', uiPort: ${port}, userDir: ${JSON.stringify(folder)}, telemetry: { enabled: false } };`);
    const red = new Program(process.execPath, [NODE_RED, '-s', settings, '-u', folder], { cwd: folder });
    t.after(() => red.stop());
    // Its own start still loads the flows of the folder when it says that the server runs: a flow
    // that is given before would be thrown away.
    await red.line((line) => line.includes('Started flows'), 60_000);
    const flow = JSON.parse(device.files.find((file) => file.name.endsWith('.json') && file.main).text);
    const deployed = await until(() => fetch(`http://127.0.0.1:${port}/flows`, {
      method: 'POST', headers: { 'content-type': 'application/json', 'Node-RED-Deployment-Type': 'full' }, body: JSON.stringify(flow),
    }), 'Node-RED takes the flow');
    assert.ok(deployed.ok, `${deployed.status} ${await deployed.text()}`);
    const heard = (error) => { throw new Error(`${error}\n${red.lines.join('\n')}`); };
    await daemon.event((event) => event.kind === 'connected' && event.device === 'nodered').catch(heard);
    const records = await daemon.records(device.topic).catch(heard);
    assert.ok(records[0].text.length > 0);
  });

  assert.deepEqual(page.faults, []);
});

test('strangers and impostors are refused, and the events say why', { timeout: 120_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const device = await daemon.device(t, 'serre-04', 'other', 'groupe-b');
  const refused = (cause) => daemon.event((event) => event.kind === 'refused' && event.refusal.cause === cause);

  await t.test('a wrong password', async () => {
    const wrong = { ...device, password: 'AAAA-AAAA-AAAA-AAAA' };
    const pub = await run('mosquitto_pub', [...mosquitto(wrong), '-t', device.topic, '-m', '1']);
    assert.notEqual(pub.code, 0);
    const event = await refused('wrong_password');
    assert.equal(event.device, 'serre-04');
    assert.ok(!JSON.stringify(event).includes('AAAA-AAAA'), 'the event must not hold the password');
  });

  await t.test('an authority that the client does not trust', async (t) => {
    const folder = scratch(t);
    const other = path.join(folder, 'other.pem');
    const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=Other', '-keyout', path.join(folder, 'k.pem'), '-out', other]);
    assert.equal(made.code, 0, made.stderr);
    const pub = await run('mosquitto_pub', [...mosquitto({ ...device, ca: other }), '-t', device.topic, '-m', '1']);
    assert.notEqual(pub.code, 0);
    await refused('untrusted_authority');
  });

  await t.test('a publication outside its own branch, told by 5.0 and dropped on 3.1.1', async () => {
    const foreign = 'salle114/groupe-b/serre-05/measures';
    const five = await run('mosquitto_pub', [...mosquitto(device), '-V', '5', '-q', '1', '-t', foreign, '-m', '1', '-d']);
    assert.match(five.stdout + five.stderr, /135|[Nn]ot authorized/);
    const event = await refused('publish_denied');
    assert.equal(event.device, 'serre-04');
    assert.equal(event.topic, foreign);
    const three = await run('mosquitto_pub', [...mosquitto(device), '-V', '311', '-q', '1', '-t', foreign, '-m', '1']);
    assert.equal(three.code, 0, three.stderr);
    const page = await daemon.call('record_query', { topic: foreign, from_ms: null, until_ms: null, limit: 10 });
    assert.deepEqual(page.records, []);
  });

  await t.test('plain MQTT on the TLS port', async () => {
    const pub = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(device.port), '-t', 'a', '-m', '1'], { deadline: 15_000 });
    assert.notEqual(pub.code, 0);
    await refused('plain_on_tls');
  });

  await t.test('a revoked device, at once', async () => {
    await daemon.call('device_revoke', { id: 'serre-04' });
    const pub = await run('mosquitto_pub', [...mosquitto(device), '-t', device.topic, '-m', '1']);
    assert.notEqual(pub.code, 0);
    await refused('revoked');
  });
});
