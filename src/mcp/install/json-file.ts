/**
 * One entry in a JSON file of somebody else. All the rest stays as it is: comments, order, indentation. What cannot be
 * read for sure is not written.
 */
import { isUtf8 } from 'node:buffer';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import writeFileAtomic from 'write-file-atomic';
import { errnoOf, messageOf, RasenError } from '../../contract/errors.ts';

export interface Entry {
  path: string[];
  value: unknown;
}

/** The text with the entry; null: it is there already. Throws `config` for what is no object, or where another one is. */
export function withEntry(file: string, text: string, { path, value }: Entry): string | null {
  const before = text.trim() === '' ? '{}\n' : text;
  const errors: ParseError[] = [];
  const tree = parseTree(before, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error || !tree) {
    const line = before.slice(0, error?.offset ?? 0).split('\n').length;
    throw refused(
      file,
      `line ${line} is no JSON (${error ? printParseErrorCode(error.error) : 'empty'})`,
      value,
      path,
    );
  }
  for (let depth = 0; depth < path.length; depth++) {
    const node = findNodeAtLocation(tree, path.slice(0, depth));
    if (node && node.type !== 'object')
      throw refused(file, `${path.slice(0, depth).join('.') || 'it'} is no object`, value, path);
  }
  const known = findNodeAtLocation(tree, path);
  if (known) {
    // The parser's objects have no prototype.
    if (isDeepStrictEqual(JSON.parse(JSON.stringify(getNodeValue(known))), value)) return null;
    throw refused(file, `it has another entry ${path.join('.')}`, value, path);
  }
  return inserted(before, tree, { path, value });
}

/** As the last property of the innermost object that is there. */
function inserted(text: string, tree: Node, { path, value }: Entry): string {
  let depth = path.length - 1;
  while (depth > 0 && !findNodeAtLocation(tree, path.slice(0, depth))) depth--;
  const object = depth === 0 ? tree : findNodeAtLocation(tree, path.slice(0, depth))!;
  const unit = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  const outer = unit.repeat(depth);
  const [key, ...inner] = path.slice(depth) as [string, ...string[]];
  const shown = JSON.stringify({ [key]: nested(inner, value) }, null, unit);
  // Without the braces around it.
  const property = shown.split('\n').slice(1, -1).join(`\n${outer}`);
  const last = object.children?.at(-1);
  if (!last) {
    const at = object.offset + 1;
    return `${text.slice(0, at)}\n${outer}${property}\n${outer}${text.slice(at).trimStart()}`;
  }
  // What is said of the last one, behind its comma or on its line, stays with it.
  const value_end = last.offset + last.length;
  const { comma, end } = tailOf(text, value_end, object.offset + object.length - 1);
  const upto = `${text.slice(0, value_end)}${comma === null ? ',' : ''}${text.slice(value_end, end)}`;
  return `${upto}\n${outer}${property}${comma === null ? '' : ','}${text.slice(end)}`;
}

/** Where its comma is, if it has one, and where what follows a value on its line ends. */
function tailOf(text: string, from: number, close: number): { comma: number | null; end: number } {
  let comma: number | null = null;
  let end = from;
  for (let at = from; at < close; ) {
    const rest = text.slice(at, close);
    const [skipped = ''] = /^(?:[ \t]+|\/\*[\s\S]*?\*\/|\/\/[^\n]*)/.exec(rest) ?? [];
    if (skipped !== '') at += skipped.length;
    else if (rest[0] === ',' && comma === null) comma = at++;
    else if (/^\s/.test(rest) && comma === null && /^\s+(?:\/[/*][\s\S]*?)?,/.test(rest)) at++;
    else break;
    if (skipped.trim() !== '' || text[at - 1] === ',') end = at;
  }
  return { comma, end };
}

const nested = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);

/** Writes the entry into the file, made where it is missing. False: it was there. */
export function addEntry(file: string, entry: Entry): boolean {
  try {
    // What a link leads to is written, and the link stays one.
    const real = realPathOf(file, entry);
    const bytes = existsSync(real) ? readFileSync(real) : Buffer.alloc(0);
    if (!isUtf8(bytes)) throw refused(file, 'it is not in UTF-8', entry.value, entry.path);
    const next = withEntry(file, bytes.toString('utf8'), entry);
    if (next === null) return false;
    mkdirSync(dirname(real), { recursive: true });
    writeFileAtomic.sync(real, next);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw new RasenError('config', `${file} cannot be changed: ${messageOf(error)}`, { cause: error });
  }
}

/** Throws `config` for a link that leads to nothing: whoever made it meant another place, or none. */
function realPathOf(file: string, { path, value }: Entry): string {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return file;
  if (!existsSync(file))
    throw refused(file, `it is a link to ${readlinkSync(file)}, where nothing is`, value, path);
  return realpathSync(file);
}

export const shownEntry = ({ path, value }: Entry): string => JSON.stringify(nested(path, value), null, 2);

function refused(file: string, why: string, value: unknown, path: string[]): RasenError {
  return new RasenError('config', `${file} was not changed: ${why}.`, {
    hint: `Put this in by hand:\n${shownEntry({ path, value })}`,
    data: { file },
  });
}
