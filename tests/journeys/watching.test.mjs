// The live view under load: a page in Chromium watches 100,000 topics at 10,000 messages a second.
// Counts are asserted (nothing is missing in the tree, on the page, on the disk); times are printed.
// 20 s, or 10 min in the long form. `COURTIER_LOAD=topics,rate,seconds` takes another load.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { browser, shot, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { run, until } from '../harness/processes.mjs';

const [topics, rate, seconds] = (process.env.COURTIER_LOAD ?? (process.env.COURTIER_LONG ? '100000,10000,600' : '100000,10000,20')).split(',').map(Number);
const PUBLISHERS = 4;

/** Resident memory of a process in MiB. */
const resident = (pid) => Number(fs.readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096 / 2 ** 20;

/** The totals in the head of a live frame (`crates/live/src/frame.rs`). */
async function totals(daemon) {
  const view = { since: 0, layout: 0, search: '', payload_search: '', open: [], offset: 0, limit: 1, selected: null };
  const { status, body } = await daemon.request('POST', '/api/live', JSON.stringify(view), { 'content-type': 'application/json' });
  assert.equal(status, 200, body.toString());
  return { over: Boolean(body[1] & 2), messages: Number(body.readBigUInt64LE(44)), topics: body.readUInt32LE(52) };
}

/** In the page: the time between two frames, and tasks that held the page for 50 ms or more. */
function observe() {
  globalThis.seen = { frames: [], long: [] };
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) globalThis.seen.long.push(entry.duration); }).observe({ entryTypes: ['longtask'] });
  let last = performance.now();
  const beat = (now) => { globalThis.seen.frames.push(now - last); last = now; requestAnimationFrame(beat); };
  requestAnimationFrame(beat);
}

const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

test(`${topics} topics at ${rate} messages a second, watched`, { timeout: (seconds + 120) * 1000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const devices = [];
  for (let n = 0; n < PUBLISHERS; n += 1) devices.push(await daemon.device(t, `charge-${n}`));
  const page = await signedIn(await browser(t), daemon);
  await page.getByRole('navigation').first().waitFor();
  await page.goto(`${new URL(page.url()).origin}/#/live`);
  const before = await totals(daemon);
  const memory = [resident(daemon.pid)];

  const child = path.resolve(import.meta.dirname, '../harness/load.mjs');
  const loads = devices.map((device) => run(process.execPath, [child, JSON.stringify({
    host: '127.0.0.1', port: daemon.status.ports.mqtts, ca: device.ca, user: device.device.id, password: device.password,
    branch: device.device.branch, topics: topics / PUBLISHERS, rate: rate / PUBLISHERS, seconds,
  })], { deadline: (seconds + 90) * 1000 }));
  await page.getByRole('treeitem', { name: /charge-3/ }).waitFor();
  await page.evaluate(observe);
  // A teacher at work: opens branches, scrolls, chooses a topic, looks on.
  await page.getByRole('treeitem', { name: /charge-0/ }).locator('button').click();
  await page.getByRole('treeitem', { name: /^\D*0\b/ }).first().waitFor();
  const tree = page.getByRole('tree');
  const watched = Date.now();
  let turns = 0;
  const over = Promise.all(loads).then(() => { turns = -1; });
  while (turns >= 0) {
    await tree.hover();
    await page.mouse.wheel(0, turns % 2 ? -2000 : 2000);
    turns += 1;
    await Promise.race([over, new Promise((passed) => setTimeout(passed, 1000))]);
    if (turns % 10 === 0) memory.push(resident(daemon.pid));
  }
  const took = (Date.now() - watched) / 1000;
  const results = (await Promise.all(loads)).map((load) => { assert.equal(load.code, 0, load.stderr); return JSON.parse(load.stdout); });
  const sent = results.reduce((sum, result) => sum + result.sent, 0);
  assert.equal(sent, rate * seconds);

  // Nothing is missing: in the tree, on the page, on the disk.
  const after = await until(async () => { const now = await totals(daemon); return now.messages - before.messages >= sent && now; }, 'the tree has counted all', 30_000);
  const spoken = Math.min(topics, sent);
  assert.ok(!after.over, 'within the bounds of the tree');
  assert.ok(after.topics - before.topics >= spoken, `${after.topics - before.topics} of ${spoken} topics`);
  const record = await until(async () => { const now = await daemon.call('record_status'); return now.messages >= sent && now; }, 'all is recorded', 60_000);
  assert.equal(record.dropped, 0);
  await page.getByLabel(/^Chercher/).first().fill(`charge-1/0/7`);
  await until(async () => (await page.getByRole('treeitem').count()) <= 20, 'the search is shown');
  await shot(page, 'live-load');
  assert.deepEqual(page.faults, []);

  const { frames, long } = await page.evaluate(() => globalThis.seen);
  frames.sort((a, b) => a - b);
  memory.push(resident(daemon.pid));
  const heap = await page.evaluate(() => performance.memory.usedJSHeapSize / 2 ** 20);
  t.diagnostic(`${sent} messages, ${spoken} topics, ${took.toFixed(0)} s (slowest publisher ${Math.max(...results.map((each) => each.seconds)).toFixed(1)} s)`);
  t.diagnostic(`frames: ${frames.length}, p50 ${quantile(frames, 0.5).toFixed(1)} ms, p99 ${quantile(frames, 0.99).toFixed(1)} ms, most ${(frames.at(-1) ?? 0).toFixed(1)} ms; long tasks: ${long.length}, longest ${Math.max(0, ...long).toFixed(0)} ms`);
  t.diagnostic(`memory of courtierd ${memory.map((each) => each.toFixed(0)).join(', ')} MiB; heap of the page ${heap.toFixed(1)} MiB`);
  assert.ok(frames.length > took * 5, `the page drew ${frames.length} frames in ${took} s`);
});
