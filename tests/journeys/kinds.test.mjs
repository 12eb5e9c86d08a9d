// What the wizard hands out for every kind is accepted, and where it can be run does its work, with
// the strictest tool that runs here: the data file of each kind names its checks, and each check is
// made here or by the Rust tests of the kinds. The name of the site is as bad as a name can be.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import vm from 'node:vm';
import { chromium } from 'playwright-core';
import mqtt from 'mqtt';
import { Daemon } from '../harness/daemon.mjs';
import { ESPHOME, PYTHON, Program, freePorts, run, scratch, until } from '../harness/processes.mjs';

const DATA = path.resolve(import.meta.dirname, '../../crates/kinds/data');
const NODE_RED = path.resolve(import.meta.dirname, '../node_modules/node-red/red.js');
const MQTT_JS = path.resolve(import.meta.dirname, '../node_modules/mqtt/dist/mqtt.min.js');
const SITE = `Été "B" 'c' </script> $(x) \`y\` \\ {{z}}`;

/** Checks that `cargo test -p kinds` makes: no board core can be had here, formats need no broker. */
const BY_RUST = new Set(['g++ stand-ins', 'gcc stand-ins', 'py_compile', 'cpython stand-ins', 'sh -n', 'json', 'toml', 'xml', 'text',
  'known keys', 'discovery schema', 'rpc schema', 'backlog', 'phyphox attributes', 'url reads back']);
const BY_US = new Set(['mpy-cross', 'shellcheck', 'runs', 'runs with adafruit_minimqtt', 'node-red', 'node-red deploy.mjs', 'chromium',
  'esphome config', 'yaml', 'settings schema', 'sends to a stand-in', 'node stand-ins', 'fetched by its code', 'readme command', 'connects as it says']);

/** The kinds as their data files describe them. */
async function described() {
  const script = 'import glob, json, tomllib; print(json.dumps([tomllib.load(open(f, "rb")) for f in sorted(glob.glob("*.toml"))]))';
  const read = await run(PYTHON, ['-c', script], { cwd: DATA });
  assert.equal(read.code, 0, read.stderr);
  return JSON.parse(read.stdout).filter((kind) => kind.key);
}

/** A file of any format of Python's, as JSON. */
async function parsed(folder, name, expression) {
  const read = await run(PYTHON, ['-c', `import json, sys, tomllib; print(json.dumps(${expression}))`, name], { cwd: folder });
  assert.equal(read.code, 0, read.stderr);
  return JSON.parse(read.stdout);
}

const fileText = (device, name) => device.files.find((file) => file.name === name).text;

test('every kind names its checks, and each one is made somewhere', { timeout: 60_000 }, async () => {
  const kinds = await described();
  assert.ok(kinds.length >= 23, String(kinds.length));
  for (const { key, checks = [], simulated = false } of kinds) {
    assert.equal(checks.length === 0, simulated, key);
    for (const check of checks) assert.ok(BY_RUST.has(check) || BY_US.has(check), `${key}: ${check} is made nowhere`);
  }
  const named = new Set(kinds.flatMap(({ checks = [] }) => checks));
  for (const check of [...BY_RUST, ...BY_US]) assert.ok(named.has(check), `no kind asks for ${check}`);
});

test('what the wizard hands out for each kind works as it stands', { timeout: 280_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const kinds = (await described()).filter((kind) => !kind.simulated && !kind.guests_only);
  await daemon.startSite({ name: SITE });
  const devices = new Map();
  for (const { key } of kinds) devices.set(key, await daemon.device(t, `un-${key}`.slice(0, 23), key));
  const of = (key) => devices.get(key);

  /** Connects with these settings alone, publishes, and finds the message on the disk. */
  async function publishes({ host, port, topic, ...options }, message) {
    const client = mqtt.connect({ host, port, protocol: 'mqtts', reconnectPeriod: 0, ...options });
    try {
      await new Promise((connected, failed) => client.once('connect', connected).once('error', failed));
      await client.publishAsync(topic, message, { qos: 1 });
    } finally {
      await client.endAsync(true);
    }
    const [record] = await daemon.records(topic);
    assert.equal(record.text, message);
  }

  await t.test('mpy-cross compiles every program for boards', async () => {
    const programs = kinds.filter(({ checks }) => checks.includes('mpy-cross')).map(({ key }) => of(key));
    assert.equal(programs.length, 4);
    for (const device of programs) {
      const file = device.files.find(({ name }) => name.endsWith('.py'));
      const made = await run(PYTHON, ['-m', 'mpy_cross', '-o', 'out.mpy', file.name], { cwd: device.folder });
      assert.equal(made.code, 0, made.stderr);
      assert.ok(fs.statSync(path.join(device.folder, 'out.mpy')).size > 100);
    }
    const wrong = scratch(t);
    fs.writeFileSync(path.join(wrong, 'main.py'), 'def f(:\n');
    assert.notEqual((await run(PYTHON, ['-m', 'mpy_cross', 'main.py'], { cwd: wrong })).code, 0);
  });

  await t.test('shellcheck has nothing to say about any script', async () => {
    for (const { key } of kinds.filter(({ checks }) => checks.includes('shellcheck'))) {
      const scripts = of(key).files.map(({ name }) => name).filter((name) => name.endsWith('.sh'));
      const said = await run('shellcheck', ['-s', 'sh', ...scripts], { cwd: of(key).folder });
      assert.equal(said.code, 0, said.stdout + said.stderr);
    }
  });

  await t.test('the shell scripts publish and listen', async (t) => {
    const device = of('shell');
    const publish = new Program('setsid', ['sh', 'publish.sh'], { cwd: device.folder });
    // The script and the programs in its pipe are one group.
    t.after(() => { try { process.kill(-publish.child.pid, 'SIGTERM'); } catch { /* it ended by itself */ } });
    const records = await daemon.records(device.topic, 2).catch((error) => { throw new Error(`${error}\n${publish.lines.join('\n')}`); });
    assert.equal(typeof JSON.parse(records[0].text).load, 'number');
    const listen = new Program('stdbuf', ['-oL', 'sh', 'listen.sh'], { cwd: device.folder });
    t.after(() => listen.stop());
    const topic = `${device.device.branch}/commands/led`;
    await daemon.call('message_publish', { topic, payload: 'allume', qos: 1, retain: true });
    await listen.line((line) => line === `${topic} allume`);
  });

  await t.test('the command of the note that every bundle holds', async () => {
    for (const key of ['other', 'telegraf']) {
      const device = of(key);
      const command = fileText(device, 'LISEZMOI.txt').split('\n').find((line) => line.trim().startsWith('mosquitto_pub'));
      const pub = await run('sh', ['-c', command], { cwd: device.folder });
      assert.equal(pub.code, 0, pub.stderr);
      const [record] = await daemon.records(device.topic);
      assert.equal(record.text, '21.5');
    }
  });

  await t.test('Home Assistant: the announcement is kept under its prefix', async () => {
    const device = of('home-assistant');
    const announced = await run('sh', ['announce.sh'], { cwd: device.folder });
    assert.equal(announced.code, 0, announced.stderr);
    const prefix = `${device.device.branch}/homeassistant`;
    const [record] = await daemon.records(`${prefix}/device/${device.device.id}/config`);
    assert.deepEqual(JSON.parse(record.text), JSON.parse(fileText(device, 'discovery.json')));
    assert.equal(JSON.parse(record.text).device.suggested_area, SITE);
    assert.ok(fileText(device, 'LISEZMOI.txt').includes(prefix));
  });

  await t.test('CircuitPython: Adafruit’s library publishes once the clock is set', async (t) => {
    const device = of('circuitpython');
    const driver = path.join(import.meta.dirname, 'kinds/circuitpython.py');
    const board = new Program(PYTHON, ['-u', driver], { cwd: device.folder });
    t.after(() => board.stop());
    await board.line((line) => line === 'clock set');
    const [record] = await daemon.records(device.topic).catch((error) => { throw new Error(`${error}\n${board.lines.join('\n')}`); });
    assert.deepEqual(JSON.parse(record.text), { temperature: 23.5 });
    await daemon.call('message_publish', { topic: `${device.device.branch}/commands/led`, payload: 'on', qos: 1, retain: false });
    await board.line((line) => line.endsWith('/commands/led on'));
  });

  await t.test('micro:bit: the MakeCode program sends lines and shows what it is told', async () => {
    const sent = [];
    const shown = [];
    let told;
    const context = {
      Delimiters: { NewLine: '\n' },
      serial: { redirectToUSB() {}, delimiters: (which) => which, readUntil: () => 'on', onDataReceived: (_, then) => { told = then; }, writeLine: (line) => sent.push(line) },
      basic: { showString: (text) => shown.push(text), pause: (ms) => assert.equal(ms, 1000), forever: (each) => each() },
      input: { temperature: () => 23, lightLevel: () => 140 },
    };
    vm.runInNewContext(fileText(of('microbit'), 'makecode.ts'), context);
    told();
    assert.deepEqual(sent.map((line) => JSON.parse(line)), [{ temperature: 23, light: 140 }]);
    assert.deepEqual(shown, ['on']);
  });

  await t.test('Node-RED: deploy.mjs adds the flow by the admin API and leaves the others alone', async (t) => {
    const device = of('node-red');
    const [port] = await freePorts(1);
    const folder = scratch(t, 'node-red-');
    const settings = path.join(folder, 'settings.js');
    fs.writeFileSync(settings, `module.exports = { uiHost: '127.0.0.1', uiPort: ${port}, userDir: ${JSON.stringify(folder)}, flowFile: 'flows.json', telemetry: { enabled: false } };`);
    fs.writeFileSync(path.join(folder, 'flows.json'), JSON.stringify([{ id: 'aaaaaaaaaaaaaaaa', type: 'tab', label: 'Avant', disabled: false, info: '' }]));
    const red = new Program(process.execPath, [NODE_RED, '-s', settings, '-u', folder], { cwd: folder });
    t.after(() => red.stop());
    await red.line((line) => line.includes('Started flows'), 60_000);
    const server = `http://127.0.0.1:${port}`;
    const ours = JSON.parse(fileText(device, 'flows-import.json'));
    for (const time of ['once', 'and again']) {
      const deployed = await run(process.execPath, ['deploy.mjs', `${server}/`], { cwd: device.folder });
      assert.equal(deployed.code, 0, `${time}: ${deployed.stderr}`);
      const flows = await (await fetch(`${server}/flows`)).json();
      assert.equal(flows.filter(({ label }) => label === 'Avant').length, 1, time);
      assert.equal(flows.length, ours.length + 1, time);
    }
    const records = await daemon.records(device.topic).catch((error) => { throw new Error(`${error}\n${red.lines.join('\n')}`); });
    assert.equal(typeof JSON.parse(records[0].text).temperature, 'number');
    const nobody = await run(process.execPath, ['deploy.mjs', 'http://127.0.0.1:1'], { cwd: device.folder });
    assert.notEqual(nobody.code, 0);
  });

  await t.test('the web page publishes and listens in Chromium, which trusts the authority', async (t) => {
    const device = of('browser');
    const page = await (await trusting(t, device)).newPage();
    const note = fileText(device, 'LISEZMOI.txt');
    assert.ok(note.includes('python3 -m http.server 8100 --bind 127.0.0.1') && note.includes('http://localhost:8100'), note);
    for (const port of ['8100', '8101']) {
      const server = new Program('python3', ['-u', '-m', 'http.server', port, '--bind', '127.0.0.1'], { cwd: device.folder });
      t.after(() => server.stop());
      await server.line((line) => line.startsWith('Serving HTTP'));
    }
    await page.goto('http://localhost:8100/');
    await page.getByText('Il manque mqtt.min.js').waitFor();
    fs.copyFileSync(MQTT_JS, path.join(device.folder, 'mqtt.min.js'));
    await page.goto('http://localhost:8101/');
    await page.getByText('Pas de connexion').waitFor();
    await page.goto('http://localhost:8100/');
    await page.getByText('Connecté au courtier').waitFor();
    assert.equal(await page.title(), `${device.device.id} · ${SITE}`);
    await page.getByLabel('Valeur').fill('42');
    await page.getByRole('button', { name: 'Publier' }).click();
    const [record] = await daemon.records(device.topic);
    assert.deepEqual(JSON.parse(record.text), { value: 42 });
    await daemon.call('message_publish', { topic: `${device.device.branch}/commands/led`, payload: 'allume', qos: 1, retain: false });
    await page.getByText('/commands/led allume').waitFor();
  });

  await t.test('ESPHome takes the configuration', async () => {
    const device = of('esphome');
    const config = await run(ESPHOME, ['-m', 'esphome', 'config', 'device.yaml'], { cwd: device.folder, deadline: 90_000 });
    assert.equal(config.code, 0, config.stdout + config.stderr);
    assert.match(config.stdout + config.stderr, /Configuration is valid/);
    const told = await parsedYaml(device.folder, 'device.yaml');
    const { mqtt: given } = told;
    const ca = given.certificate_authority;
    assert.equal(ca.trim(), fs.readFileSync(device.ca, 'utf8').trim());
    const { mqtt_password: password } = await parsedYaml(device.folder, 'secrets.yaml');
    await publishes({ host: given.broker, port: given.port, ca, username: given.username, password, clientId: given.client_id, topic: told.sensor[0].state_topic }, '41.5');
    fs.writeFileSync(path.join(device.folder, 'wrong.yaml'), fileText(device, 'device.yaml').replace('topic_prefix', 'topic_prefx'));
    const wrong = await run(ESPHOME, ['-m', 'esphome', 'config', 'wrong.yaml'], { cwd: device.folder, deadline: 90_000 });
    assert.notEqual(wrong.code, 0);
  });

  await t.test('Zigbee2MQTT, ChirpStack, Telegraf and OwnTracks: what they are told lets them in', async () => {
    const ca = fs.readFileSync(of('other').ca);
    const zigbee = (await parsedYaml(of('zigbee2mqtt').folder, 'configuration-mqtt.yaml')).mqtt;
    assert.deepEqual(Object.keys(zigbee).sort(), ['base_topic', 'ca', 'client_id', 'password', 'reject_unauthorized', 'server', 'user', 'version']);
    assert.equal(zigbee.reject_unauthorized, true);
    const server = new URL(zigbee.server);
    assert.equal(server.protocol, 'mqtts:');
    await publishes({ host: server.hostname, port: Number(server.port), ca, username: zigbee.user, password: zigbee.password, clientId: zigbee.client_id, protocolVersion: zigbee.version, topic: `${zigbee.base_topic}/lampe` }, '{"state":"ON"}');

    const toml = 'tomllib.load(open(sys.argv[1], "rb"))';
    const chirp = (await parsed(of('chirpstack').folder, 'chirpstack-mqtt.toml', toml)).integration.mqtt;
    const event = chirp.event_topic.replace(/\{\{(\w+)\}\}/g, '$1');
    const telegraf = (await parsed(of('telegraf').folder, 'courtier.conf', toml)).outputs.mqtt[0];
    const plugin = telegraf.topic.replace('{{ .PluginName }}', 'cpu');
    for (const [settings, uri, topic] of [[chirp, chirp.server, event], [telegraf, telegraf.servers[0], plugin]]) {
      assert.equal(uri, `ssl://127.0.0.1:${daemon.status.ports.mqtts}`);
      await publishes({ host: '127.0.0.1', port: daemon.status.ports.mqtts, ca, username: settings.username, password: settings.password, clientId: settings.client_id, topic }, '{"v":1}');
    }

    const tracks = JSON.parse(fileText(of('owntracks'), 'courtier.otrc'));
    await publishes({ host: tracks.host, port: tracks.port, ca, username: tracks.username, password: tracks.password, topic: tracks.pubTopicBase }, '{"_type":"location"}');
    const linked = new URL(of('owntracks').app_link.url);
    assert.deepEqual(JSON.parse(Buffer.from(linked.searchParams.get('inline'), 'base64').toString()), tracks);
  });

  await t.test('OwnTracks: the code on the card is read by a scanner, at the size that the card has', async (t) => {
    const { app_link: link, folder } = of('owntracks');
    const page = await (await trusting(t, of('owntracks'))).newPage();
    await page.setContent(`<img style="width:280px;image-rendering:pixelated" src="data:image/svg+xml;base64,${Buffer.from(link.qr_svg).toString('base64')}">`);
    const picture = path.join(folder, 'code.png');
    await page.locator('img').screenshot({ path: picture });
    const read = await run('zbarimg', ['--quiet', '--raw', picture]);
    assert.equal(read.stdout.trim(), link.url, read.stderr);
  });

  await t.test('a kind that cannot encrypt is a guest or nothing', async () => {
    const refusal = await daemon.call('device_create', { id: 'un-telephone', group: 'groupe-a', kind: 'phyphox', language: 'fr' }).catch((error) => error);
    assert.equal(refusal.problem?.code, 'group_invalid', String(refusal));
  });

  await t.test('Zigbee2MQTT’s own schema takes the settings', { skip: process.env.COURTIER_LONG ? false : 'fetches the package: long form only' }, async (t) => {
    const folder = scratch(t);
    const packed = await run('npm', ['pack', '--silent', 'zigbee2mqtt@2.14.1'], { cwd: folder, deadline: 120_000 });
    assert.equal(packed.code, 0, packed.stderr);
    const schemaFile = 'package/dist/util/settings.schema.json';
    assert.equal((await run('tar', ['-xzf', packed.stdout.trim(), schemaFile], { cwd: folder })).code, 0);
    const schema = JSON.parse(fs.readFileSync(path.join(folder, schemaFile), 'utf8'));
    const { default: Ajv } = await import('ajv');
    const holds = new Ajv({ strict: false, validateFormats: false }).compile(schema.properties.mqtt);
    const told = (await parsedYaml(of('zigbee2mqtt').folder, 'configuration-mqtt.yaml')).mqtt;
    assert.ok(holds(told), JSON.stringify(holds.errors));
    assert.ok(!holds({ ...told, version: 'five' }));
  });

  await t.test('Tasmota: the line of its console lets it in', async () => {
    const device = of('tasmota');
    const commands = new Map(fileText(device, 'tasmota.txt').trim().replace(/^Backlog /, '').split('; ').map((each) => [each.split(' ')[0], each.split(' ').slice(1).join(' ')]));
    const topic = `${commands.get('FullTopic').replace('%prefix%', commands.get('Prefix3')).replace('%topic%', commands.get('Topic'))}SENSOR`;
    assert.ok(topic.startsWith(`${device.device.branch}/`), topic);
    // Its fingerprint of zeros learns the key of the first server it meets; it knows no authority.
    await publishes({ host: commands.get('MqttHost'), port: Number(commands.get('MqttPort')), rejectUnauthorized: false, username: commands.get('MqttUser'), password: commands.get('MqttPassword'), clientId: commands.get('MqttClient'), protocolVersion: 4, topic }, '{"ENERGY":1}');
  });

  await t.test('Shelly: setup.sh makes the calls in order, and a module that obeys gets in', async (t) => {
    const device = of('shelly');
    const calls = [];
    const module = http.createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part)).on('end', () => {
        const call = JSON.parse(Buffer.concat(parts).toString());
        calls.push(call);
        assert.equal(request.url, '/rpc');
        response.end(JSON.stringify(call.method === refuse ? { id: call.id, error: { code: -103 } } : { id: call.id, src: 'shelly', result: {} }));
      });
    }).listen(0, '127.0.0.1');
    let refuse;
    t.after(() => module.close());
    await once(module, 'listening');
    const setup = () => run('sh', ['setup.sh', `127.0.0.1:${module.address().port}`], { cwd: device.folder });
    const done = await setup();
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(calls.map(({ method }) => method), ['Shelly.PutUserCA', 'MQTT.SetConfig', 'Shelly.Reboot']);
    const { config } = calls[1].params;
    const [host, port] = config.server.split(':');
    await publishes({ host, port: Number(port), ca: calls[0].params.data, username: config.user, password: config.pass, clientId: config.client_id, topic: `${config.topic_prefix}/status/switch:0` }, '{"output":true}');
    calls.length = 0;
    refuse = 'MQTT.SetConfig';
    assert.equal((await setup()).code, 1);
    assert.deepEqual(calls.map(({ method }) => method), ['Shelly.PutUserCA', 'MQTT.SetConfig'], 'it stops at a refusal');
  });

  async function parsedYaml(folder, name) {
    const script = 'import json, sys, yaml; yaml.SafeLoader.add_constructor("!secret", lambda l, n: n.value); print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding="utf-8"))))';
    const read = await run(ESPHOME, ['-c', script, name], { cwd: folder });
    assert.equal(read.code, 0, read.stderr);
    return JSON.parse(read.stdout);
  }
});

/** Chromium where the authority of the site was installed, as the note asks. */
async function trusting(t, device) {
  const home = scratch(t, 'chromium-home-');
  const store = path.join(home, '.pki/nssdb');
  fs.mkdirSync(store, { recursive: true });
  for (const args of [['-N', '--empty-password'], ['-A', '-n', 'courtier', '-t', 'C,,', '-i', device.ca]]) {
    const done = await run('certutil', ['-d', `sql:${store}`, ...args]);
    assert.equal(done.code, 0, done.stderr);
  }
  const started = await chromium.launch({
    executablePath: process.env.COURTIER_CHROMIUM ?? '/usr/bin/chromium',
    env: { ...process.env, HOME: home },
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update'],
  });
  t.after(() => started.close());
  return started.newContext();
}
