/**
 * YAML (and so JSON) text to a tree of nodes with places. The only file that imports the YAML library. The text may
 * come from an agent or a stranger's repository: size, depth and aliases are limited before they can cost anything.
 */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  type Node as YamlNode,
} from 'yaml';
import { messageOf } from '../contract/errors.ts';
import { type Entry, type MapNode, type Node, scalar } from './node.ts';
import type { Place, Problems } from './problems.ts';
import { checkText } from './read-text.ts';

/** Deepest nesting of lists and maps. */
export const MAX_DEPTH = 32;
/** Most values of one file, every alias written out. */
export const MAX_NODES = 50_000;
/** Most tokens of one file; the parser's time grows with them. */
export const MAX_TOKENS = 250_000;

const NOWHERE: Place = { line: 1, column: 1 };

/** Core tags that say what the plain value says anyway; any other tag asks for a type that no key has. */
const PLAIN_TAGS = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(t => `tag:yaml.org,2002:${t}`),
);

/** The tree; null for an empty file, and null with problems for a bad one. */
export function parseYaml(input: string, problems: Problems): Node | null {
  const text = checkText(input, problems);
  if (text === null || tooMuch(text, problems)) return null;
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return line > 0 ? { line, column: col } : NOWHERE;
  };
  try {
    // uniqueKeys is quadratic in the library (100 000 keys: minutes); duplicates are found below instead.
    const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    for (const error of [...doc.errors, ...doc.warnings])
      problems.add(
        place(error.pos[0]),
        '',
        YAML_WORDS[error.code] ?? `not valid YAML: ${firstLine(error.message)}`,
      );
    if (doc.directives?.yaml.explicit || Object.keys(doc.directives?.tags ?? {}).length > 1)
      problems.add(NOWHERE, '', 'YAML directives (%…) are not supported');
    if (problems.any || !doc.contents) return null;
    const tree = new Converter(problems, place).convert(doc.contents as YamlNode, 1);
    return problems.any ? null : tree;
  } catch (error) {
    problems.add(NOWHERE, '', `not valid YAML: ${firstLine(messageOf(error))}`);
    return null;
  }
}

const YAML_WORDS: Record<string, string> = {
  MULTIPLE_DOCS: 'has a second document (---); one file is one document',
  TAB_AS_INDENT: 'a tab is used as indentation; YAML wants spaces',
  RESOURCE_EXHAUSTION: `is nested deeper than ${MAX_DEPTH} levels`,
};

const firstLine = (text: string) => text.split('\n', 1)[0]!.slice(0, 200);

/** Looks at the tokens only, in linear time: the parser recurses, so depth must be known before it runs. */
function tooMuch(text: string, problems: Problems): boolean {
  let tokens = 0;
  let flow = 0;
  let indicators = 0;
  let offset = 0;
  let afterMark = false;
  for (const token of new Lexer().lex(text)) {
    const marker = token === '\u0002' || token === '\u001f' || token === '\u0018' || token === '\ufeff';
    if (!afterMark) {
      if (token === '[' || token === '{') flow++;
      else if (token === ']' || token === '}') flow--;
      else if (token === '-' || token === '?') indicators++;
      else if (token === '\n' || token === '\r\n') indicators = 0;
    }
    if (flow > MAX_DEPTH || indicators > MAX_DEPTH || ++tokens > MAX_TOKENS) {
      const before = text.slice(0, offset).split('\n');
      const what = tokens > MAX_TOKENS ? 'has too many values' : `is nested deeper than ${MAX_DEPTH} levels`;
      problems.add({ line: before.length, column: before.at(-1)!.length + 1 }, '', what);
      return true;
    }
    if (!marker) offset += token.length;
    afterMark = token === '\u001f';
  }
  return false;
}

/** Turns the library's nodes into ours. An alias shares the node of its anchor and counts with its full size. */
class Converter {
  readonly #problems: Problems;
  readonly #place: (offset: number) => Place;
  /** null while the anchor's own value is being converted. */
  readonly #anchors = new Map<string, Node | null>();

  constructor(problems: Problems, place: (offset: number) => Place) {
    this.#problems = problems;
    this.#place = place;
  }

  convert(node: YamlNode | null, depth: number): Node {
    const at = this.#place(node?.range?.[0] ?? 0);
    const empty = scalar(null, '', at);
    if (this.#problems.any || node === null) return empty;
    if (depth > MAX_DEPTH) {
      this.#problems.add(at, '', `is nested deeper than ${MAX_DEPTH} levels`);
      return empty;
    }
    if (isAlias(node)) return this.#alias(node, at) ?? empty;
    if (node.tag && !PLAIN_TAGS.has(node.tag)) {
      this.#problems.add(
        at,
        '',
        `the YAML tag ${node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported`,
      );
      return empty;
    }
    if (node.anchor) this.#anchors.set(node.anchor, null);
    const result = this.#value(node, at, depth) ?? empty;
    if (node.anchor) this.#anchors.set(node.anchor, result);
    if (result.size > MAX_NODES) this.#problems.add(at, '', `has more than ${MAX_NODES} values`);
    return result;
  }

  #value(node: YamlNode, at: Place, depth: number): Node | null {
    if (isScalar(node)) {
      const { value } = node;
      const plain = node.type === 'PLAIN';
      // No program can be given such text, and no file name can have it.
      if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
        this.#problems.add(at, '', 'contains a character that is no text (NUL or half a pair)');
        return null;
      }
      if (value === null || ['string', 'number', 'boolean'].includes(typeof value))
        return scalar(
          value as string | number | boolean | null,
          plain ? (node.source ?? String(value ?? '')) : String(value),
          at,
        );
      this.#problems.add(at, '', 'is a value of a kind that no key has');
      return null;
    }
    if (isSeq(node)) {
      const items = node.items.map(item => this.convert(item as YamlNode | null, depth + 1));
      return { kind: 'list', items, ...at, size: items.reduce((sum, item) => sum + item.size, 1) };
    }
    return isMap(node) ? this.#map(node, at, depth) : null;
  }

  #map(node: { items: { key: unknown; value: unknown }[] }, at: Place, depth: number): MapNode {
    const entries = new Map<string, Entry>();
    let size = 1;
    for (const pair of node.items) {
      const keyNode = pair.key as YamlNode | null;
      const keyAt = keyNode?.range ? this.#place(keyNode.range[0]) : at;
      if (!isScalar(keyNode) || keyNode.value === null || keyNode.anchor || keyNode.tag) {
        this.#problems.add(keyAt, '', 'a key must be a plain word');
        continue;
      }
      const text =
        keyNode.type === 'PLAIN' ? (keyNode.source ?? String(keyNode.value)) : String(keyNode.value);
      const earlier = entries.get(text);
      if (text === '<<') this.#problems.add(keyAt, text, 'merge keys are not supported; write the keys out');
      else if (earlier)
        this.#problems.add(keyAt, text, `is written twice; the first one is in line ${earlier.key.line}`);
      // `key:` has no node of its own; its place is that of the key.
      const raw = pair.value as YamlNode | null;
      const value = raw === null ? scalar(null, '', keyAt) : this.convert(raw, depth + 1);
      size += value.size;
      if (!earlier) entries.set(text, { key: { ...keyAt, text }, value });
    }
    return { kind: 'map', entries, ...at, size };
  }

  #alias(node: Alias, at: Place): Node | null {
    const target = this.#anchors.get(node.source);
    if (target) return target;
    const why =
      target === null ? `*${node.source} refers to itself` : `*${node.source} has no anchor before it`;
    this.#problems.add(at, '', why);
    return null;
  }
}
