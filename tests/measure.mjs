// Figures for the notes, not a test: `node tests/measure.mjs` after `cargo build --release -p headless`
// (COURTIER_BIN chooses the build). Prints start, idle and throughput to a watching browser.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { browser, signedIn } from './harness/browser.mjs';
import { Daemon } from './harness/daemon.mjs';
import { run, until } from './harness/processes.mjs';

const ends = [];
const t = { after: (end) => ends.push(end) };

/** CPU seconds and resident MiB of a process. */
function usage(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const resident = Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096 / 2 ** 20;
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, resident };
}

const pub = (device, more, options) => run('mosquitto_pub', args(device, more), options);
const args = (device, more) => ['-h', '127.0.0.1', '-p', String(device.port), '--cafile', device.ca, '-u', device.device.id, '-P', device.password,
  '-i', device.device.id, '-t', device.topic, ...more];

try {
  const first = await Daemon.start(t);
  await first.startSite();
  const device = await first.device(t, 'probe');
  await first.program.stop();

  const began = performance.now();
  const daemon = await Daemon.start(t, { data: first.data });
  await until(async () => (await pub(device, ['-m', '1', '-q', '1'])).code === 0, 'the first CONNECT');
  console.log(`start to ready: ${daemon.readyMs.toFixed(0)} ms; to the first acknowledged publication of a new mosquitto_pub: ${(performance.now() - began).toFixed(0)} ms`);

  const idle = usage(daemon.pid);
  await new Promise((passed) => setTimeout(passed, 10_000));
  const later = usage(daemon.pid);
  console.log(`idle: ${later.resident.toFixed(1)} MiB resident, ${((later.cpu - idle.cpu) * 10).toFixed(2)} % CPU over 10 s`);

  const page = await signedIn(await browser(t), daemon);
  for (const qos of [0, 1]) {
    const devices = await Promise.all([1, 2, 3, 4].map((n) => daemon.device(t, `load-${qos}-${n}`)));
    await page.goto(`${new URL(page.url()).origin}/#/live?topic=${encodeURIComponent(devices[0].topic)}`);
    await page.getByText('load-').first().waitFor({ timeout: 5000 }).catch(() => undefined);
    await page.evaluate(() => { globalThis.frames0 = 0; const beat = () => { globalThis.frames0 += 1; requestAnimationFrame(beat); }; beat(); });
    const each = 50_000;
    const text = Array.from({ length: each }, (_, n) => `{"temperature": ${(20 + Math.sin(n / 50)).toFixed(3)}, "n": ${n}}`).join('\n') + '\n';
    const before = await daemon.call('site_status');
    const cpu = usage(daemon.pid).cpu;
    const start = performance.now();
    await Promise.all(devices.map(async (load) => {
      const child = spawn('mosquitto_pub', args(load, ['-l', '-q', String(qos), '-V', '5']), { stdio: ['pipe', 'inherit', 'inherit'] });
      child.stdin.end(text);
      await once(child, 'close');
    }));
    await until(async () => (await daemon.call('site_status')).messages_total >= before.messages_total + 4 * each, 'all arrived', 60_000).catch(console.error);
    const seconds = (performance.now() - start) / 1000;
    const shown = performance.now();
    await page.getByText(`${each - 1}`).first().waitFor({ timeout: 20_000 });
    const lag = performance.now() - shown;
    const after = await daemon.call('site_status');
    const frames = await page.evaluate(() => globalThis.frames0);
    const recorded = await daemon.call('record_status');
    console.log(`QoS ${qos}, 4 clients over TLS, one browser watching: ${((after.messages_total - before.messages_total) / seconds).toFixed(0)} msg/s for ${seconds.toFixed(1)} s, `
      + `${(1e6 * (usage(daemon.pid).cpu - cpu) / (4 * each)).toFixed(1)} µs CPU/msg, page ${(frames / seconds).toFixed(0)} fps, last value on screen ${lag.toFixed(0)} ms later; `
      + `recorded ${recorded.messages}, dropped ${recorded.dropped}; ${usage(daemon.pid).resident.toFixed(0)} MiB`);
  }
} finally {
  for (const end of ends.reverse()) await end();
}
