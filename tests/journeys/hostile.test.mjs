// More than two hundred hostile topics and payloads, each opened in the live view in every way it
// can be read: nothing of them runs, nothing is fetched, and the page stays usable.
import assert from 'node:assert/strict';
import test from 'node:test';
import zlib from 'node:zlib';
import fs from 'node:fs';
import mqtt from 'mqtt';
import { browser, shot, signedIn } from '../harness/browser.mjs';
import { Daemon } from '../harness/daemon.mjs';
import { until } from '../harness/processes.mjs';

const RUN = 'globalThis.pwned=1';
const MARKUP = [
  `<script>${RUN}</script>`, `<img src=x onerror=${RUN}>`, `<svg onload=${RUN}>`, `<svg><script>${RUN}</script></svg>`, `<body onload=${RUN}>`,
  `<iframe srcdoc="<script>parent.pwned=1</script>">`, `<iframe src="javascript:parent.pwned=1">`, `<details open ontoggle=${RUN}>`, `<video><source onerror=${RUN}>`,
  `<input autofocus onfocus=${RUN}>`, `<marquee onstart=${RUN}>`, `<a href="javascript:${RUN}">x</a>`, `<form action="javascript:${RUN}"><button>x`, `<object data="javascript:${RUN}">`,
  `<embed src="javascript:${RUN}">`, `<math><mtext><table><mglyph><style><img src=x onerror=${RUN}>`, `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<base href="https://attacker.invalid/">`, `<link rel=stylesheet href="https://attacker.invalid/x.css">`, `<style>@import "https://attacker.invalid/x"</style>`, `<img src="https://attacker.invalid/pixel">`,
  `"><script>${RUN}</script>`, `'><img src=x onerror=${RUN}>`, `--><script>${RUN}</script>`, `]]><script>${RUN}</script>`, `</title><script>${RUN}</script>`, `</textarea><script>${RUN}</script>`,
  `{{constructor.constructor('${RUN}')()}}`, `\${${RUN}}`, `{@html "<script>${RUN}</script>"}`, `<%= ${RUN} %>`, `#{${RUN}}`, `<ScRiPt>${RUN}</ScRiPt>`, `<scr<script>ipt>${RUN}</script>`, `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `<template><script>${RUN}</script></template>`, `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`, `<x contenteditable onblur=${RUN}>lose focus`, `<audio src onerror=${RUN}>`, `<button popovertarget=x onclick=${RUN}>`,
];
const ADDRESSES = [
  `javascript:${RUN}`, `data:text/html,<script>parent.pwned=1</script>`, `data:image/svg+xml;base64,${Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"/>`).toString('base64')}`,
  `vbscript:${RUN}`, 'file:///etc/passwd', '//attacker.invalid/x', 'https://attacker.invalid/x.png', 'courtier-open:evil', 'blob:https://attacker.invalid/1', '\\\\attacker.invalid\\share', 'view-source:https://attacker.invalid', 'ws://attacker.invalid/',
];
const TEXTS = [
  '\u202eevil\u202d', '\u2066left\u2069', '\u061carab', '\u200b\u200c\u200d', '\ufeffbom', '\u00ad soft', 'e\u0301'.repeat(300), 'Z\u0351\u0352\u0353\u0354\u0355'.repeat(400), '\u{1F468}\u200d\u{1F469}\u200d\u{1F467}'.repeat(50),
  '\u0001\u0002\u0007\u0008\u001b[31mred\u001b[0m', '\u001b]0;title\u0007', '\u0085\u2028\u2029', '\r\n\r\nHTTP/1.1 200 OK', '\t\t\t', '%s%s%s%n', '%00', '../../../etc/passwd', '..\\..\\windows', '=1+1', '=HYPERLINK("https://attacker.invalid")', '@SUM(1)',
  "' OR 1=1 --", '"; DROP TABLE samples; --', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null', 'NaN', '-Infinity', '1e999', '0x41', '\ud7ff\ue000\uffff', 'x'.repeat(60_000), '🌱'.repeat(10_000), 'a b'.repeat(20_000), '\u0635\u0644\u0649'.repeat(5_000), '𒐫'.repeat(2_000), '﷽'.repeat(2_000),
];
const JSONS = [
  '['.repeat(30_000) + ']'.repeat(30_000), '{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000), JSON.stringify(Object.fromEntries(Array.from({ length: 4000 }, (_, n) => [`k${n}`, n]))), JSON.stringify(Array.from({ length: 20_000 }, (_, n) => n)),
  '{"__proto__":{"pwned":1}}', '{"constructor":{"prototype":{"pwned":1}}}', '{"toString":1,"valueOf":2,"hasOwnProperty":3}', '{"a":1,"a":2}', '{"":{"":{"":1}}}', '{"n":1e400}', '{"n":-0}', '{"n":12345678901234567890}', '{"t":"\\u0000\\u0001"}', '{"\\ud800":1}', '{"a":"\\u202e"}', '{"length":4294967295}', '{"then":1}', '{"data":"' + 'A'.repeat(50_000) + '","fPort":1}', '[[[[[[1,2],[3,4]]]]]]', '{"a":[{"b":[{"c":[{"d":1}]}]}]}',
  ...MARKUP.slice(0, 20).map((text) => JSON.stringify({ [text]: text, list: [text], deep: { [text]: { value: text } } })),
];
const filled = (length, ...bytes) => Buffer.alloc(length, Buffer.from(bytes));
const png = (width, height) => {
  const head = Buffer.from('89504e470d0a1a0a0000000d494844520000000000000000080600000000000000', 'hex');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head;
};
const BYTES = [
  zlib.gzipSync(Buffer.alloc(50_000_000)), zlib.gzipSync(zlib.gzipSync(Buffer.alloc(50_000_000))), zlib.gzipSync(zlib.gzipSync(zlib.gzipSync(zlib.gzipSync('x')))), Buffer.from('1f8b0800', 'hex'), zlib.gzipSync(`<script>${RUN}</script>`), zlib.gzipSync(JSON.stringify({ a: MARKUP[1] })),
  filled(60_000, 0x81), filled(60_000, 0x91), filled(60_000, 0xc1), filled(60_000, 0xa1), filled(60_000, 0xd9), Buffer.from('9affffffff', 'hex'), Buffer.from('ddffffffff', 'hex'), Buffer.from('bbffffffffffffffff', 'hex'), Buffer.from('9f', 'hex'), Buffer.from('5f42010243030405', 'hex'),
  Buffer.from('a1695f5f70726f746f5f5fa16570776e656401', 'hex'), Buffer.from('81a95f5f70726f746f5f5f81a570776e656401', 'hex'), filled(60_000, 0x0a, 0xff), filled(60_000, 0x0b), filled(60_000, 0xff), filled(60_000, 0x00), filled(64, 0x80), Buffer.from('c3a9c328', 'hex'), Buffer.from('fffe41004200', 'hex'),
  png(65_535, 65_535), png(0, 0), png(0x7fffffff, 1), png(4000, 4000), Buffer.from('ffd8ffe000104a464946', 'hex'), Buffer.from('47494638396100ff00ff', 'hex'), Buffer.from('524946460000000057454250', 'hex'), Buffer.from(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"><script>${RUN}</script></svg>`), Buffer.from(png(65_535, 65_535).toString('base64')), Buffer.alloc(0), Buffer.alloc(1_000_000, 0x41),
];
const PAYLOADS = [...MARKUP, ...ADDRESSES, ...TEXTS, ...JSONS, ...BYTES].map((each) => Buffer.from(each));
// What may stand in a topic name: no wildcard, no NUL, at most 65,535 bytes with the branch.
const NAMES = [...MARKUP, ...ADDRESSES, ...TEXTS].filter((name) => !/[+#\0]/.test(name) && Buffer.byteLength(name) < 2000);

const PAGES = 4;
const FORMATS = ['cbor', 'msgpack', 'protobuf', 'sparkplug', 'base64', 'json', 'text', 'hex'];

/** A page on which whatever a payload must not do is noted. */
async function watched(chromium, daemon, foreign) {
  const page = await signedIn(chromium, daemon);
  page.on('dialog', (dialog) => { foreign.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('popup', (popup) => foreign.push(`a window: ${popup.url()}`));
  page.on('download', (download) => foreign.push(`a download: ${download.url()}`));
  const origin = new URL(page.url()).origin;
  page.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('blob:') && !request.url().startsWith('data:')) foreign.push(`a request: ${request.url()}`);
  });
  await page.getByRole('navigation').first().waitFor();
  await page.evaluate(() => {
    globalThis.longest = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, entry.duration); }).observe({ entryTypes: ['longtask'] });
  });
  return page;
}

/** Nothing ran, and the page draws. */
async function tried(page, what, slow) {
  const began = Date.now();
  const answered = await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => drawn(globalThis.pwned ?? ({}).pwned ?? 'unharmed'))));
  assert.equal(answered, 'unharmed', what);
  if (Date.now() - began > 2000) slow.push(`${what}: ${Date.now() - began} ms`);
}

/** Opens a topic, and reads its payload in one more way; each way is met by many of them. */
async function opened(page, topic, payload, slow) {
  await page.evaluate((topic) => { location.hash = `/live?topic=${encodeURIComponent(topic)}`; }, topic);
  await page.waitForFunction((topic) => document.querySelector('.detail')?.dataset.topic === topic, topic, { timeout: 20_000 });
  await tried(page, topic, slow);
  if (payload === undefined) return;
  const format = FORMATS[payload % FORMATS.length];
  await page.locator('.ptabs select').selectOption(format);
  await tried(page, `${topic} as ${format}`, slow);
}

test(`${PAYLOADS.length + NAMES.length} hostile payloads and names`, { timeout: 240_000 }, async (t) => {
  assert.ok(PAYLOADS.length + NAMES.length >= 200);
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const made = await daemon.device(t, 'mallory');
  const { branch } = made.device;
  const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${daemon.status.ports.mqtts}`, { ca: fs.readFileSync(made.ca), clientId: 'mallory', username: 'mallory', password: made.password, reconnectPeriod: 0 });
  const topics = [];
  const say = async (topic, payload) => {
    await client.publishAsync(topic, payload, { qos: 1 });
    topics.push(topic);
  };
  for (const [at, payload] of PAYLOADS.entries()) await say(`${branch}/p${at}`, payload);
  // A name with characters that the standard lets a broker refuse (MQTT 5.0 §1.5.4) may end the
  // connection: only what every client may send is sent here.
  for (const [at, name] of NAMES.entries()) await say(`${branch}/n${at}/${name.replace(/[\u0001-\u001f\u007f-\u009f\uffff]/g, '?')}`, MARKUP[at % MARKUP.length]);

  const chromium = await browser(t);
  const foreign = [];
  const slow = [];
  const pages = [];
  for (let n = 0; n < PAGES; n += 1) pages.push(await watched(chromium, daemon, foreign));
  // Each page takes every fourth.
  await Promise.all(pages.map(async (page, n) => {
    for (let at = n; at < topics.length; at += PAGES) await opened(page, topics[at], at < PAYLOADS.length ? at : undefined, slow);
  }));
  const [page] = pages;
  // The tree with all of them, searched and read to its end.
  await page.getByRole('tree').focus();
  for (const key of ['Home', 'ArrowDown', 'End', 'ArrowUp']) await page.keyboard.press(key);
  await page.getByLabel(/^Chercher/).first().fill('<script>');
  await until(async () => (await page.getByRole('treeitem').count()) < 60, 'the search is shown');
  await tried(page, 'the tree', slow);
  await shot(page, 'hostile');
  for (const route of ['home', 'devices', 'doctor', 'rights']) {
    await page.evaluate((route) => { location.hash = `/${route}`; }, route);
    await page.locator('main h1').first().waitFor();
    await tried(page, route, slow);
  }
  assert.deepEqual(foreign, []);
  assert.deepEqual(slow, []);
  for (const each of pages) assert.deepEqual(each.faults, []);
  t.diagnostic(`${topics.length} topics opened; the longest task of a page took ${Math.max(...await Promise.all(pages.map((each) => each.evaluate(() => globalThis.longest)))).toFixed(0)} ms`);
});
