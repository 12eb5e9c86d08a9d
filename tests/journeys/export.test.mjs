// What was recorded, opened by foreign programs: LibreOffice in French, pandas, pyarrow, SQLite.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { FRENCH_CSV, Office } from '../harness/office.mjs';
import { PYTHON, run, scratch } from '../harness/processes.mjs';

const BRANCH = 'salle114/groupe-a/serre-04';
const NUMBERS = [-21.5, 0, 1234567.891, 1e-9, 42];
/** Text that a spreadsheet would run, or break at. */
const TEXTS = [
  '=1+1', '+1+1', '-2+3', '@SUM(A1)', '=HYPERLINK("http://127.0.0.1:9/x";"ici")', "=cmd|' /C calc'!A0", '=WEBSERVICE("http://127.0.0.1:9/x")',
  'a;b,c "d"', 'deux\nlignes', 'température 21 °C', '\t=1', '<b>&amp;</b>', '=IMPORTDATA("x")',
];

async function site(t) {
  const daemon = await Daemon.start(t, { env: { TZ: 'Europe/Paris' } });
  await daemon.startSite();
  await daemon.call('device_create', { id: 'serre-04', group: 'groupe-a', kind: 'other', language: 'fr' });
  const says = (topic, payload) => daemon.call('message_publish', { topic: `${BRANCH}/${topic}`, payload, qos: 1, retain: false });
  for (const number of NUMBERS) await says('temperature', String(number));
  for (const text of TEXTS) await says('texte', text);
  await says('mesures', '{"temp":19.5,"hum":61,"etat":"=1+1"}');
  await says('mesures', '{"temp":20.25,"hum":60}');
  return daemon;
}

async function exported(daemon, folder, format, more = {}) {
  const job = await daemon.call('export_start', {
    selection: { filters: ['salle114/#'], devices: [], from_ms: null, until_ms: null },
    format, form: 'long', step_ms: 0, language: 'fr', open_data: null, ...more,
  });
  const done = await daemon.call('export_status', { id: job.id, wait_ms: 25_000 });
  assert.equal(done.state, 'done', JSON.stringify(done));
  const fetched = await daemon.request('GET', `/files/export/${job.id}`);
  assert.equal(fetched.status, 200);
  assert.equal(fetched.body.length, done.bytes);
  assert.match(fetched.headers['content-disposition'], /^attachment; filename="[\w.-]+"$/);
  const file = path.join(folder, `${format}-${done.file_name}`);
  fs.writeFileSync(file, fetched.body);
  return { file, rows: done.rows };
}

// LibreOffice writes down hundredths.
const near = (date, expected) => Math.abs(new Date(`${date.date}Z`) - expected) <= 10;

/** A person in Paris sees the numbers as numbers, the wall's time as dates, and no text as a formula. */
function assertSheet([sheet], guard, records) {
  assert.deepEqual(sheet.formulas, []);
  assert.deepEqual(sheet.rows[0], ['heure locale', 'heure UTC', 'appareil', 'sujet', 'valeur', 'message']);
  const of = (topic) => sheet.rows.filter((row) => row[3] === `${BRANCH}/${topic}`);
  assert.deepEqual(of('temperature').map((row) => row[4]), NUMBERS);
  // A cell of Calc holds no tab.
  const untabbed = (text) => String(text).replaceAll('\t', '');
  assert.deepEqual(of('texte').map((row) => untabbed(row[5])), TEXTS.map((text) => untabbed(guard && /^\s*[=+\-@]/.test(text) ? `'${text}` : text)));
  for (const [index, row] of of('temperature').entries()) {
    const at = records[index].at_us / 1000;
    const offset = new Date(new Date(at).toLocaleString('en-US', { timeZone: 'Europe/Paris' })) - new Date(new Date(at).toLocaleString('en-US', { timeZone: 'UTC' }));
    assert.ok(near(row[0], at + offset), `${row[0]?.date} is not ${new Date(at + offset).toISOString()}`);
    assert.equal(row[2], 'serre-04');
    assert.equal(row[1], new Date(at).toISOString().replace('Z', String(records[index].at_us % 1000).padStart(3, '0')) + 'Z');
  }
}

test('LibreOffice in French reads CSV, XLSX and ODS: right numbers and dates, no formula', async (t) => {
  const daemon = await site(t);
  const folder = scratch(t, 'export-');
  const office = new Office(t);
  const records = (await daemon.records(`${BRANCH}/temperature`, NUMBERS.length)).reverse();
  const csv = await exported(daemon, folder, 'csv_fr');
  assertSheet(await office.read(csv.file, FRENCH_CSV), true, records);
  for (const format of ['xlsx', 'ods']) assertSheet(await office.read((await exported(daemon, folder, format)).file), false, records);
  const wide = await exported(daemon, folder, 'ods', { form: 'wide', selection: { filters: [`${BRANCH}/mesures`], devices: [], from_ms: null, until_ms: null } });
  const [{ rows, formulas }] = await office.read(wide.file);
  assert.deepEqual(rows.map((row) => row.slice(2)), [['temp', 'hum', 'etat'], [19.5, 61, '=1+1'], [20.25, 60]]);
  assert.deepEqual(formulas, []);
});

test('pandas, pyarrow and SQLite read what programs are given', async (t) => {
  const daemon = await site(t);
  const folder = scratch(t, 'export-');
  const file = async (format, more) => (await exported(daemon, folder, format, more)).file;
  const files = {
    parquet: await file('parquet'), csv: await file('csv_plain'), fr: await file('csv_fr'), sqlite: await file('sqlite'), lines: await file('json_lines'),
    wide: await file('parquet', { form: 'wide', step_ms: 1000, selection: { filters: [`${BRANCH}/mesures`], devices: [], from_ms: null, until_ms: null } }),
  };
  const script = `
import json, sqlite3, sys
import pandas as pd, pyarrow.parquet as pq
f = json.loads(sys.argv[1])
topic = "${BRANCH}/temperature"
table = pd.read_parquet(f["parquet"])
csv = pd.read_csv(f["csv"], parse_dates=["heure locale"])
fr = pd.read_csv(f["fr"], sep=";", decimal=",", parse_dates=["heure locale"], date_format="%d/%m/%Y %H:%M:%S,%f")
base = sqlite3.connect(f["sqlite"])
lines = pd.read_json(f["lines"], lines=True)
values = lambda frame, name, value: frame[frame[name] == topic][value].tolist()
print(json.dumps({
  "schema": {c.name: str(c.type) for c in pq.read_schema(f["parquet"])},
  "parquet": values(table, "topic", "value"), "utc": str(table["time"].dt.tz), "texts": table[table.topic == "${BRANCH}/texte"]["text"].tolist(),
  "times": [int(at.timestamp() * 1000) for at in table[table.topic == topic]["time"]],
  "csv": values(csv, "sujet", "valeur"), "csv_dates": str(csv["heure locale"].dtype), "fr": values(fr, "sujet", "valeur"), "fr_dates": str(fr["heure locale"].dtype),
  "sqlite": [row[0] for row in base.execute("SELECT value FROM messages WHERE topic = ? ORDER BY time", (topic,))],
  "day": base.execute("SELECT count(*) FROM messages WHERE time >= datetime('now', '-1 day')").fetchone()[0],
  "check": base.execute("PRAGMA integrity_check").fetchone()[0],
  "lines": values(lines, "topic", "value"),
  "wide": pd.read_parquet(f["wide"]).drop(columns="time").iloc[-1].to_dict(),
}))`;
  const { stdout, stderr } = await run(PYTHON, ['-c', script, JSON.stringify(files)]);
  assert.ok(stdout, stderr);
  const read = JSON.parse(stdout.replace(/NaN/g, 'null'));
  for (const name of ['parquet', 'csv', 'fr', 'sqlite', 'lines']) assert.deepEqual(read[name], NUMBERS, name);
  assert.deepEqual(read.texts, TEXTS, 'a file for programs holds every text as it was');
  assert.equal(read.schema.time, 'timestamp[us, tz=UTC]');
  assert.equal(read.schema.value, 'double');
  assert.match(read.csv_dates, /^datetime64/);
  assert.match(read.fr_dates, /^datetime64/);
  const records = (await daemon.records(`${BRANCH}/temperature`, NUMBERS.length)).reverse();
  assert.deepEqual(read.times, records.map(({ at_us }) => Math.floor(at_us / 1000)));
  assert.deepEqual([read.check, read.day], ['ok', NUMBERS.length + TEXTS.length + 2]);
  assert.equal(read.wide.temp, 20.25);
  assert.equal(read.wide.hum, 60);
});

test('an open-data set opens, and names nobody', async (t) => {
  const daemon = await site(t);
  const folder = scratch(t, 'export-');
  const { file, rows } = await exported(daemon, folder, 'open_data', { open_data: { times: 'minute', place: 'tenth', licence: 'etalab' } });
  const script = `
import json, sys, zipfile, io
import pandas as pd
z = zipfile.ZipFile(sys.argv[1])
data = pd.read_csv(z.open("data.csv"))
package = json.load(z.open("datapackage.json"))
print(json.dumps({"rows": len(data), "columns": list(data.columns), "devices": sorted(set(data.device)), "quantities": sorted(set(data.quantity)), "licence": package["licenses"][0]["name"], "text": "".join(z.read(n).decode() for n in z.namelist())}))`;
  const { stdout, stderr } = await run(PYTHON, ['-c', script, file]);
  assert.ok(stdout, stderr);
  const read = JSON.parse(stdout);
  assert.equal(read.rows, rows);
  assert.deepEqual(read.columns, ['time_utc', 'group', 'device', 'quantity', 'value']);
  assert.deepEqual([read.devices, read.licence], [['device-01'], 'etalab-2.0']);
  assert.deepEqual(read.quantities, ['mesures.hum', 'mesures.temp', 'temperature']);
  for (const name of ['serre-04', 'groupe-a', 'salle114', 'Tilleuls', 'calc']) assert.ok(!read.text.includes(name), name);
});
