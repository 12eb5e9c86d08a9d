// What a run of all tests must not spill: the secrets that it was handed, and what was left behind
// where none belongs. `cargo xtask test` makes the folder and searches it at the end; without it
// (one test by hand) nothing is written.
import fs from 'node:fs';
import path from 'node:path';

const LEDGER = process.env.COURTIER_LEDGER;
/** Shorter ones would be found by chance. */
const LEAST = 12;
const ARGV_MS = 300;
const known = new Set();
const sites = new Set();
let moves = 0;

function append(kind, text) {
  fs.appendFileSync(path.join(LEDGER, kind, `${process.pid}`), text);
}

/** A secret of this run, with a name for its kind. */
export function secret(what, text) {
  if (!LEDGER || typeof text !== 'string' || text.length < LEAST || known.has(text)) return;
  known.add(text);
  append('secrets', `${what}\t${text}\n`);
}

const CLASSES = {
  password: (text) => ['the password of a device', text],
  // Its first characters are those of every key of this kind.
  key_pem: (text) => ['the private key of a device', text.split('\n')[1]?.slice(-32)],
  ingest_url: (text) => ['the address that a guest posts to', text.split('/').pop()],
  url: (text) => [text.includes('#code=') ? 'a one-time code of the interface' : 'a claim token', text.split(/#(?:code=)?|\/x\//)[1]?.replace(/\.\w+$/, '')],
  open: (text) => ['a one-time code of the interface', text.split('#code=')[1]],
};

/** Every secret in an answer of the daemon. */
export function handed(answer) {
  if (!LEDGER || answer === null || typeof answer !== 'object') return;
  for (const [key, value] of Object.entries(answer)) {
    if (typeof value === 'string' && CLASSES[key]) secret(...CLASSES[key](value));
    else handed(value);
  }
}

/** The same, where it may be no JSON. */
export function handedText(text) {
  if (!LEDGER || !/^\s*[{[]/.test(text)) return;
  try {
    handed(JSON.parse(text));
  } catch {
    // No answer of ours.
  }
}

const ours = (program, args) => [program, ...args].some((word) => /(?:^|\/)courtierd?$/.test(word));

/** What a program of ours said. The one line with a one-time address is how it hands that out. */
export function said(program, args, lines) {
  if (!LEDGER || !ours(program, args) || args.includes('open')) return;
  const plain = lines.filter((line) => !line.startsWith('{"open"') && !line.startsWith('Open once'));
  if (plain.length) append('output', `${plain.join('\n')}\n`);
}

/** A folder where a site lives, and its process: what other users of the computer can see of it. */
export function site(data, program) {
  if (!LEDGER) return;
  sites.add(path.resolve(data));
  // The window starts its daemon itself.
  if (!program) return;
  const seen = new Set();
  const look = () => {
    for (const pid of family(program.child.pid)) {
      const line = read(`/proc/${pid}/cmdline`);
      if (line && !seen.has(line)) append('argv', `${line.replaceAll('\0', ' ')}\n`);
      seen.add(line);
    }
  };
  const timer = setInterval(look, ARGV_MS).unref();
  program.ended.finally(() => clearInterval(timer));
}

/** Moves a folder that is no longer needed to where it is searched; says whether it did. */
export function moved(folder) {
  if (!LEDGER || ![...sites].some((data) => data === folder || data.startsWith(`${folder}${path.sep}`))) return false;
  moves += 1;
  try {
    fs.renameSync(folder, path.join(LEDGER, 'sites', `${process.pid}-${moves}`));
  } catch (error) {
    if (error.code !== 'EXDEV') throw error;
    fs.cpSync(folder, path.join(LEDGER, 'sites', `${process.pid}-${moves}`), { recursive: true, filter: (file) => !fs.lstatSync(file).isSocket() });
    return false;
  }
  return true;
}

/** A file that was handed out and holds measures, never a secret. */
export function exported(bytes) {
  if (LEDGER) append('exports', bytes);
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** A process and all that it started. */
function family(pid) {
  let tasks;
  try {
    tasks = fs.readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  const children = tasks.flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean));
  return [pid, ...children.flatMap(family)];
}
