// A real courtierd on a folder of its own, driven over its local socket as the window does it.
import http from 'node:http';
import path from 'node:path';
import fs from 'node:fs';
import * as ledger from './ledger.mjs';
import { BIN, Program, freePorts, scratch } from './processes.mjs';

export class Refused extends Error {
  constructor(status, problem) {
    super(`${status} ${JSON.stringify(problem)}`);
    this.status = status;
    this.problem = problem;
  }
}

export class Daemon {
  /** Starts courtierd and waits until it says where it can be reached. */
  static async start(t, { data = scratch(t), args = [], inside = [], env: more = {} } = {}) {
    const [httpPort] = await freePorts(1);
    const env = { ...process.env, COURTIER_SECRETS: 'file', COURTIER_MDNS: 'off', RUST_LOG: process.env.RUST_LOG ?? 'warn', ...more };
    const began = performance.now();
    const [first, ...rest] = [...inside, path.join(BIN, 'courtierd')];
    const program = new Program(
      first,
      [...rest, 'run', '--data', data, '--json', '--http-port', String(httpPort), ...args],
      { env },
    );
    const daemon = new Daemon(program, data);
    t.after(() => program.stop());
    const ready = await program.line((line) => line.startsWith('{') && JSON.parse(line));
    daemon.readyMs = performance.now() - began;
    daemon.open = ready.open;
    ledger.handed(ready);
    daemon.ready = ready;
    return daemon;
  }

  constructor(program, data) {
    this.program = program;
    this.data = data;
    this.socket = path.join(data, 'run', 'courtierd.sock');
    ledger.site(data, program);
  }

  get pid() {
    return this.program.child.pid;
  }

  /** One request over the local socket. */
  request(method, url, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: this.socket, method, path: url, headers: { host: 'localhost', ...headers } }, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        if (url.startsWith('/files/')) response.on('end', () => ledger.exported(Buffer.concat(parts)));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  /** A command of the one list; a refusal is thrown with its problem. */
  async call(command, request = {}) {
    const answer = await this.request('POST', `/api/${command}`, JSON.stringify(request), { 'content-type': 'application/json' });
    const json = JSON.parse(answer.body.toString() || 'null');
    if (answer.status !== 200) throw new Refused(answer.status, json);
    ledger.handed(json);
    return json;
  }

  /** Sets the site up on loopback with free ports. */
  async startSite(more = {}) {
    const [mqtts, wss, claim, mqtt, mtls, https] = await freePorts(6);
    const ports = { mqtts, wss, claim, mqtt: more.guests ? mqtt : null, mtls, https };
    this.status = await this.call('site_start', {
      name: 'Salle 114', place: 'Lycée des Tilleuls', address: '127.0.0.1', guests: false, ports, ...more,
    });
    return this.status;
  }

  /** A device with all that the wizard hands out; its files are written to `folder`. */
  async device(t, id, kind = 'other', group = 'groupe-a') {
    const handed = await this.call('device_create', { id, group, kind, language: 'fr' });
    const folder = scratch(t, `device-${id}-`);
    for (const file of handed.files) {
      const target = path.join(folder, file.name);
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(target, file.text);
    }
    return { ...handed, folder, ca: path.join(folder, 'ca.pem') };
  }

  /** Waits for the event that `find` accepts, after `since`. */
  async event(find, since = 0, deadline = 20_000) {
    const end = Date.now() + deadline;
    const seen = [];
    let next = since;
    while (Date.now() < end) {
      const page = await this.call('event_list', { since: next, wait_ms: 1000, device: null });
      const found = page.events.find(find);
      if (found) return found;
      seen.push(...page.events);
      next = page.next;
    }
    throw new Error(`no such event in ${deadline} ms, but: ${JSON.stringify(seen, null, 1)}`);
  }

  /** The recorded messages of a topic, once there are at least `count`. */
  async records(topic, count = 1, deadline = 20_000) {
    const end = Date.now() + deadline;
    let page;
    do {
      page = await this.call('record_query', { topic, from_ms: null, until_ms: null, limit: 1000 });
      if (page.records.length >= count) return page.records;
      await new Promise((again) => setTimeout(again, 50));
    } while (Date.now() < end);
    throw new Error(`${page.records.length} of ${count} records of ${topic}`);
  }
}
