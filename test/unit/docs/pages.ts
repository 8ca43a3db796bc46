/** Reads what packaging/docs makes: the checked-in text, a page without its roff, the tags of its items by section. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, documents } from '../../../packaging/docs/documents.ts';

export const root = join(import.meta.dirname, '../../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
export const DOCUMENTS: readonly Document[] = documents(version);

export const documentText = (path: string) => DOCUMENTS.find(d => d.path === path)!.text;
export const manPages = DOCUMENTS.filter(({ path }) => /^man\/.*\.\d$/.test(path));

/** The words of a line as a reader sees them. */
function plain(line: string): string {
  return line
    .replace(/^\\&/, '')
    .replaceAll(/\\f[BIPR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(aq', "'")
    .replaceAll('\\(ga', '`')
    .replaceAll('\\(ti', '~')
    .replaceAll('\\(ha', '^')
    .replaceAll('\\(cq', '’')
    .replaceAll('\\(rs', '\\');
}

/** A whole page as running text. */
export function pageText(path: string): string {
  return documentText(path)
    .split('\n')
    .filter(line => !line.startsWith('.'))
    .map(plain)
    .join(' ');
}

export interface Heading {
  title: string;
  tags: string[];
  text: string;
}

/** Sections and subsections in order, each with the tags of its items and its text. */
export function headings(path: string): Heading[] {
  const found: Heading[] = [];
  let tag = false;
  for (const line of documentText(path).split('\n')) {
    const heading = /^\.S[HS] (.*)$/.exec(line);
    if (heading) found.push({ title: plain(heading[1]!), tags: [], text: '' });
    else if (tag) found.at(-1)!.tags.push(plain(line));
    else if (!line.startsWith('.') && found.length > 0) found.at(-1)!.text += `${plain(line)} `;
    tag = line === '.TP';
  }
  return found;
}

export function heading(path: string, title: string): Heading {
  const found = headings(path).find(h => h.title === title);
  if (!found) throw new Error(`${path} has no section "${title}"`);
  return found;
}

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}
