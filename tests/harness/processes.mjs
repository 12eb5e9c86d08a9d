// Starting and ending programs, waiting for what they say. Nothing here sleeps: it waits for an
// event with a deadline.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import * as ledger from './ledger.mjs';

export const BIN = process.env.COURTIER_BIN ?? path.resolve(import.meta.dirname, '../../target/debug');
export const PYTHON = process.env.COURTIER_PYTHON ?? path.resolve(import.meta.dirname, '../../target/python/bin/python');
export const ESPHOME = process.env.COURTIER_ESPHOME ?? path.resolve(import.meta.dirname, '../../target/python-esphome/bin/python');

/** A new folder below the system's temporary one, removed when the test ends. */
export function scratch(t, name = 'courtier-') {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), name));
  t.after(() => ledger.moved(folder) || fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** `count` TCP ports that are free on loopback right now. */
export async function freePorts(count) {
  const servers = [];
  while (servers.length < count) {
    // Below those that the system gives to outgoing connections: one from among them may be taken by
    // a client before the program under test opens it.
    const server = net.createServer().listen(20_000 + Math.floor(Math.random() * 12_000), '127.0.0.1');
    if (await once(server, 'listening').catch(() => null)) servers.push(server);
  }
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Runs a program to its end. */
export async function run(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
  child.stdin.on('error', () => {}); // a program may end without reading what it is given
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => { stdout += data; });
  child.stderr.on('data', (data) => { stderr += data; });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.deadline ?? 30_000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  ledger.handedText(stdout);
  ledger.said(program, args, `${stdout}\n${stderr}`.split('\n'));
  return { code, signal, stdout, stderr };
}

/** A program that stays: its lines are kept, and one can wait for the line that matches. */
export class Program {
  constructor(program, args, options = {}) {
    this.lines = [];
    this.waiting = new Set();
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      this.end = { code, signal };
      for (const check of this.waiting) check();
      return this.end;
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      let rest = '';
      stream.on('data', (data) => {
        const parts = (rest + data).split('\n');
        rest = parts.pop();
        this.lines.push(...parts);
        ledger.said(program, args, parts);
        for (const check of this.waiting) check();
      });
    }
  }

  /** The first line, old or new, for which `find` returns something. */
  async line(find, deadline = 30_000) {
    return new Promise((resolve, reject) => {
      let seen = 0;
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        settle(value);
      };
      const check = () => {
        for (; seen < this.lines.length; seen += 1) {
          const found = find(this.lines[seen]);
          if (found) return finish(resolve, found);
        }
        if (this.end) finish(reject, new Error(`ended with ${JSON.stringify(this.end)}:\n${this.lines.join('\n')}`));
      };
      const timer = setTimeout(() => finish(reject, new Error(`no such line in ${deadline} ms:\n${this.lines.join('\n')}`)), deadline);
      this.waiting.add(check);
      check();
    });
  }

  async stop(signal = 'SIGTERM', deadline = 15_000) {
    if (this.end) return this.end;
    const { exitCode, signalCode } = this.child;
    const gone = exitCode !== null || signalCode !== null;
    const exited = gone ? Promise.resolve([exitCode, signalCode]) : once(this.child, 'exit');
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), deadline);
    const [code, end] = await exited;
    clearTimeout(timer);
    // What the program itself started may hold its output open for longer than it lives.
    this.child.stdout.destroy();
    this.child.stderr.destroy();
    return { code, signal: end };
  }
}

/** Asks until `question` answers something, at most `deadline` ms; the last error is told. */
export async function until(question, what, deadline = 20_000) {
  const end = Date.now() + deadline;
  let last = 'nothing';
  while (Date.now() < end) {
    try {
      const answer = await question();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`${what}: not within ${deadline} ms (last: ${last})`);
}
