// The real Tauri window under Xvfb, read through WebKitWebDriver: it starts the daemon, shows the
// page, and its death stops no client.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { BIN, Program, freePorts, run, scratch, until } from '../harness/processes.mjs';
import { SHOTS } from '../harness/browser.mjs';

/** A display without a screen, and a session bus of its own. */
async function desktop(t) {
  const home = scratch(t, 'courtier-home-');
  const runtime = path.join(home, 'runtime');
  fs.mkdirSync(runtime, { mode: 0o700 });
  const xvfb = new Program('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x900x24', '-nolisten', 'tcp']);
  t.after(() => xvfb.stop());
  const display = await xvfb.line((line) => /^\d+$/.test(line) && line);
  const bus = new Program('dbus-daemon', ['--session', '--nofork', '--print-address=1']);
  t.after(() => bus.stop());
  const address = await bus.line((line) => line.startsWith('unix:') && line);
  return {
    ...process.env, HOME: home, XDG_RUNTIME_DIR: runtime, DISPLAY: `:${display}`, DBUS_SESSION_BUS_ADDRESS: address, LANG: 'en_US.UTF-8',
    LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1', COURTIER_SECRETS: 'file', COURTIER_MDNS: 'off',
    COURTIERD: path.join(BIN, 'courtierd'), TAURI_AUTOMATION: 'true', TAURI_WEBVIEW_AUTOMATION: 'true',
  };
}

/** A picture of the whole display, as a person would see it. */
async function shot(env, name) {
  fs.mkdirSync(SHOTS, { recursive: true });
  const { code, stderr } = await run('import', ['-window', 'root', path.join(SHOTS, `${name}.png`)], { env });
  assert.equal(code, 0, stderr);
}

/** The W3C WebDriver protocol, as much of it as we need. */
class Driver {
  static async start(t, env) {
    const [port] = await freePorts(1);
    const program = new Program('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { env });
    const driver = new Driver(`http://127.0.0.1:${port}`);
    // A driver that is dead (its window was killed) answers no more.
    t.after(() => driver.session && driver.ask('DELETE', driver.session, undefined, 3000).catch(() => undefined));
    t.after(() => program.stop());
    await until(() => fetch(`${driver.url}/status`).then((answer) => answer.ok), 'WebKitWebDriver listens');
    return driver;
  }

  constructor(url) {
    this.url = url;
  }

  async ask(method, route, body, deadline = 30_000) {
    const answer = await fetch(`${this.url}${route}`, { method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json' }, signal: AbortSignal.timeout(deadline) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${route}: ${JSON.stringify(value)}`);
    return value;
  }

  async open(binary, args) {
    const { sessionId } = await this.ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args } } } });
    this.session = `/session/${sessionId}`;
  }

  script(text, ...args) {
    return this.ask('POST', `${this.session}/execute/sync`, { script: text, args });
  }
}

test('the window shows the site, and its death stops no client', { timeout: 180_000 }, async (t) => {
  const env = await desktop(t);
  const data = path.join(env.HOME, 'site');
  const courtier = path.join(BIN, 'courtier');
  const driver = await Driver.start(t, env);
  await driver.open(courtier, ['--data', data]);
  const daemon = new Daemon(undefined, data);
  t.after(async () => {
    const pid = daemonPid(data);
    if (pid) process.kill(pid, 'SIGTERM');
    await until(() => !pid || !alive(pid), 'the daemon ends');
  });

  assert.equal(await until(() => driver.script('return location.href.startsWith("courtier://localhost/") && location.protocol'), 'the page is there'), 'courtier:');
  await until(() => driver.script('return document.querySelector("input") !== null'), 'the first run is drawn');
  await shot(env, 'window-first-run');

  const status = await daemon.startSite();
  await daemon.call('simulated_start', { count: 3, group: 'groupe-a' });
  const device = await daemon.device(t, 'serre-04');
  await driver.script('location.hash = "#/home"; location.reload()');
  await until(() => driver.script('return document.body.innerText.includes("salle114.local")'), 'the home screen is drawn');
  await shot(env, 'window-home');
  await driver.script('location.hash = "#/live"');
  await until(() => driver.script('return document.body.innerText.includes("groupe-a")'), 'the live view is drawn');
  await shot(env, 'window-live');

  // A client that publishes all along: it must never notice that the window dies.
  const client = new Program('stdbuf', ['-oL', 'mosquitto_pub', '-h', '127.0.0.1', '-p', String(status.ports.mqtts), '--cafile', device.ca, '-u', 'serre-04',
    '-P', device.password, '-i', 'serre-04', '-q', '1', '-t', device.topic, '-m', '1', '--repeat', '200', '--repeat-delay', '0.03', '-d']);
  t.after(() => client.stop());
  await client.line((line) => line.includes('PUBACK'));
  const window = await windowPid(courtier, data);
  const before = daemonPid(data);
  process.kill(window, 'SIGKILL');
  await until(() => !alive(window), 'the window is dead');
  assert.equal((await client.ended).code, 0, client.lines.slice(-5).join('\n'));
  const connects = client.lines.filter((line) => line.includes('CONNACK')).length;
  assert.equal(connects, 1, 'the client was connected once, all along');
  assert.equal((await daemon.records(device.topic, 200)).length, 200);
  assert.equal(daemonPid(data), before, 'the daemon is the same process');

  // The next start attaches to the running daemon and shows everything.
  const next = await Driver.start(t, env);
  await next.open(courtier, ['--data', data]);
  await until(() => next.script('return document.body.innerText.includes("salle114.local")'), 'the next window shows the site');
  assert.equal(daemonPid(data), before);

  // A second start raises the first window instead of starting twice.
  const second = await run(courtier, ['--data', data], { env, deadline: 30_000 });
  assert.equal(second.signal, null, 'the second start ended by itself');
  assert.equal(second.code, 0, second.stderr);
  assert.equal(await next.script('return document.readyState'), 'complete');
});

function alive(pid) {
  try {
    process.kill(pid, 0);
    return !fs.readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** The process whose command line starts with `program` and names the folder. */
function findProcess(program, data) {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (path.basename(words[0]) === program && words.includes(data) && alive(Number(pid))) return Number(pid);
    } catch { /* it ended meanwhile */ }
  }
  return undefined;
}

const daemonPid = (data) => findProcess('courtierd', data);
const windowPid = (courtier, data) => until(() => findProcess(path.basename(courtier), data), 'the window runs');
