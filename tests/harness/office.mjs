// LibreOffice without a screen, set to French: what a file is for a person who opens it.
import fs from 'node:fs';
import path from 'node:path';
import { run, scratch } from './processes.mjs';

const LOCALE = `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>fr-FR</value></prop></item>
</oor:items>`;

/** `;`, quotes, UTF-8, from the first line, French, numbers as in a dialog whose boxes were left alone. */
export const FRENCH_CSV = 'CSV:59,34,76,1,,1036,false,true';

export class Office {
  constructor(t) {
    this.profile = scratch(t, 'office-');
    fs.mkdirSync(path.join(this.profile, 'user'), { recursive: true });
    fs.writeFileSync(path.join(this.profile, 'user', 'registrymodifications.xcu'), LOCALE);
    this.out = path.join(this.profile, 'out');
  }

  /** Opens a file or an address and writes down what it sees. */
  async read(source, filter) {
    const args = ['--headless', '--norestore', `-env:UserInstallation=file://${this.profile}`, ...(filter ? [`--infilter=${filter}`] : []), '--convert-to', 'fods', '--outdir', this.out, source];
    const ended = await run('soffice', args, { deadline: 60_000, env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' } });
    const name = `${path.basename(source).replace(/\.[^.]*$/, '')}.fods`;
    const file = path.join(this.out, name);
    if (!fs.existsSync(file)) throw new Error(`LibreOffice wrote no ${name}: ${ended.stdout} ${ended.stderr}`);
    return sheets(fs.readFileSync(file, 'utf8'));
  }
}

const plain = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&amp;', '&');

/** Every sheet as rows of cells: a number, a date as text, a text, or nothing. */
function sheets(fods) {
  return [...fods.matchAll(/<table:table [^>]*table:name="([^"]*)"[^>]*>(.*?)<\/table:table>/gs)].map(([, name, body]) => ({
    name,
    formulas: [...body.matchAll(/table:formula="([^"]*)"/g)].map(([, formula]) => formula),
    rows: [...body.matchAll(/<table:table-row[^>]*?(?:\/>|>(.*?)<\/table:table-row>)/gs)].map(([, row]) => cells(row ?? '')).filter((row) => row.length),
  }));
}

function cells(row) {
  const found = [];
  for (const [, attributes, content] of row.matchAll(/<table:table-cell([^>]*?)(?:\/>|>(.*?)<\/table:table-cell>)/gs)) {
    const get = (name) => attributes.match(new RegExp(`${name}="([^"]*)"`))?.[1];
    const type = get('office:value-type');
    const texts = [...(content ?? '').matchAll(/<text:p[^>]*?(?:\/>|>(.*?)<\/text:p>)/gs)].map(([, text]) => plain((text ?? '').replace(/<text:s\b[^>]*\/>/g, ' ').replace(/<text:tab\/>/g, '\t').replace(/<[^>]*>/g, '')));
    let value = null;
    if (type === 'float') value = Number(get('office:value'));
    else if (type === 'date') value = { date: get('office:date-value') };
    else if (type === 'string') value = texts.join('\n');
    else if (type) value = { type, text: texts.join('\n') };
    const times = Number(get('table:number-columns-repeated') ?? 1);
    if (value === null && times > 50) break;
    for (let n = 0; n < times; n += 1) found.push(value);
  }
  while (found.length && found.at(-1) === null) found.pop();
  return found;
}
