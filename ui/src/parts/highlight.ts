// A small highlighter: text in, pieces of text out. It never makes HTML.

export interface Piece {
  text: string;
  /** c comment, s string, k keyword, n number, here: to be filled in */
  kind: '' | 'c' | 's' | 'k' | 'n' | 'here';
}

const KEYWORDS: Record<string, string> = {
  cpp: 'void|int|const|char|bool|if|else|while|for|return|true|false|static|unsigned|long|float|double|struct|nullptr',
  python: 'import|from|as|def|class|if|elif|else|while|for|in|return|try|except|finally|with|True|False|None|not|and|or|global|pass|raise|lambda|break|continue',
  javascript: 'import|from|export|const|let|function|async|await|return|new|if|else|for|of|throw|true|false|null|undefined|while|try|catch',
  sh: 'if|then|else|fi|for|in|do|done|while|case|esac|exit|set|cd|export|exec',
  json: 'true|false|null',
};

function pattern(syntax: string): RegExp | undefined {
  const strings = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'`;
  const keywords = KEYWORDS[syntax];
  if (syntax === 'cpp') return new RegExp(String.raw`(?<c>//[^\n]*|/\*[\s\S]*?\*/)|(?<s>R"\w*\([\s\S]*?\)\w*"|${strings})|(?<k>#\w+|\b(?:${keywords})\b)|(?<n>\b\d[\w.]*)`, 'g');
  if (syntax === 'python') return new RegExp(String.raw`(?<c>#[^\n]*)|(?<s>"""[\s\S]*?"""|${strings})|(?<k>\b(?:${keywords})\b)|(?<n>\b\d[\w.]*)`, 'g');
  if (syntax === 'json') return new RegExp(String.raw`(?<s>${strings})|(?<k>\b(?:${keywords})\b)|(?<n>-?\b\d[\w.+-]*)`, 'g');
  if (syntax === 'javascript') return new RegExp(String.raw`(?<c>//[^\n]*|/\*[\s\S]*?\*/)|(?<s>${strings})|(?<k>\b(?:${keywords})\b)|(?<n>\b\d[\w.]*)`, 'g');
  if (syntax === 'sh') return new RegExp(String.raw`(?<c>(?<=^|\s)#[^\n]*)|(?<s>${strings})|(?<k>\b(?:${keywords})\b)`, 'gm');
  if (syntax === 'yaml') return new RegExp(String.raw`(?<c>(?<=^|\s)#[^\n]*)|(?<s>${strings})|(?<k>^[ \t]*(?:- )?[\w-]+(?=:))`, 'gm');
  if (syntax === 'toml') return new RegExp(String.raw`(?<c>#[^\n]*)|(?<s>${strings})|(?<k>^\s*\[[^\n]*\]|\b(?:true|false)\b)|(?<n>\b\d[\w.]*)`, 'gm');
  if (syntax === 'xml' || syntax === 'html') return new RegExp(String.raw`(?<c><!--[\s\S]*?-->)|(?<s>${strings})|(?<k></?[\w-]+|/?>)`, 'g');
  if (syntax === 'ini') return /(?<c>^[;#][^\n]*)|(?<k>^\[[^\n]*\])|(?<s>(?<==)[^\n]*)/gm;
  return undefined;
}

export function highlighted(text: string, syntax: string, blanks: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  const found = pattern(syntax);
  let at = 0;
  for (const match of found ? text.matchAll(found) : []) {
    if (match.index > at) pieces.push({ text: text.slice(at, match.index), kind: '' });
    const kind = (['c', 's', 'k', 'n'] as const).find((name) => match.groups?.[name] !== undefined) ?? '';
    pieces.push({ text: match[0], kind });
    at = match.index + match[0].length;
  }
  pieces.push({ text: text.slice(at), kind: '' });
  return pieces.flatMap((piece) => marked(piece, blanks.filter(Boolean))).filter((piece) => piece.text !== '');
}

/** Splits a piece around what is to be filled in. */
function marked(piece: Piece, blanks: readonly string[]): Piece[] {
  const blank = blanks.find((each) => piece.text.includes(each));
  if (blank === undefined) return [piece];
  const at = piece.text.indexOf(blank);
  return [
    { ...piece, text: piece.text.slice(0, at) },
    { text: blank, kind: 'here' },
    ...marked({ ...piece, text: piece.text.slice(at + blank.length) }, blanks),
  ];
}
