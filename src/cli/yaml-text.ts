/**
 * Writes plain JSON data as YAML that a person can edit: block style, texts of several lines as they are. The reading
 * side is the config bundle's; what is written here is read there in a test.
 */
import { isSafe, safeYaml } from '../util/terminal-text.ts';

/** Words that YAML would read as something else than text, numbers and dates aside. */
const NOT_TEXT = /^(?:true|false|null|yes|no|on|off|y|n|~)$/i;
const PLAIN = /^[A-Za-z_/][A-Za-z0-9_ ./@+()-]*$/;

export function yamlText(value: unknown): string {
  return `${node(value, '').trimStart()}\n`;
}

/** The text behind a key or dash: either " scalar", or a newline and an indented block. */
function node(value: unknown, indent: string): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return ' []';
    if (value.every(item => typeof item !== 'object' || item === null))
      return ` [${value.map(flow).join(', ')}]`;
    return value.map(item => `\n${indent}-${inItem(item, `${indent}  `)}`).join('');
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return ' {}';
    return entries.map(([key, inner]) => `\n${indent}${scalar(key)}:${node(inner, `${indent}  `)}`).join('');
  }
  return typeof value === 'string' && isBlock(value) ? blockText(value, indent) : ` ${scalar(value)}`;
}

/** A map or list behind a dash begins on the line of the dash. */
function inItem(value: unknown, indent: string): string {
  const text = node(value, indent);
  return text.startsWith('\n') ? ` ${text.slice(1 + indent.length)}` : text;
}

/** Several lines that a block scalar holds as they are. */
function isBlock(text: string): boolean {
  return (
    text.includes('\n') &&
    isSafe(text) &&
    !/[^\x20-\x7e\n\u00a0-\ud7ff\ue000-\ufefe]/.test(text) &&
    !/^[ \n]|[ ]\n|\n\n$| $/.test(text)
  );
}

function blockText(text: string, indent: string): string {
  const [mark, body] = text.endsWith('\n') ? ['|', text.slice(0, -1)] : ['|-', text];
  const lines = body.split('\n').map(line => (line === '' ? '' : `${indent || '  '}${line}`));
  return ` ${mark}\n${lines.join('\n')}`;
}

function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return PLAIN.test(value) && !NOT_TEXT.test(value) && !value.endsWith(' ') ? value : quoted(value);
}

const flow = (value: unknown) =>
  typeof value === 'string' && /[,[\]{}]/.test(value) ? quoted(value) : scalar(value);

/** Also for a terminal: what it would obey is written as an escape. */
const quoted = (text: string) => safeYaml(JSON.stringify(text));
