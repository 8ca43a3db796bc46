/**
 * A Markdown text as its sections, each with the blocks below its heading. The only file that imports the Markdown
 * library. Links, emphasis and HTML in a line are no structure of a plan: the library leaves them as text, and the time
 * that they could cost a hostile file is not spent.
 */
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table';
import { gfmTable } from 'micromark-extension-gfm-table';
import type { Place, Problems } from '../problems.ts';

type Root = ReturnType<typeof fromMarkdown>;
export type Block = Root['children'][number];
export type List = Extract<Block, { type: 'list' }>;
export type ListItem = List['children'][number];
export type Table = Extract<Block, { type: 'table' }>;
type Paragraph = Extract<Block, { type: 'paragraph' }>;

/** Most lines of a plan; the library's time grows with them. */
export const MAX_LINES = 30_000;
/** Deepest lists and quotes in one another. */
export const MAX_LEVELS = 12;
/** Most signs of lists and quotes at the beginnings of lines. */
const MAX_SIGNS = 60_000;

export interface Section {
  /** 0: what stands before the first heading. */
  level: number;
  /** Without signs of Markdown. */
  title: string;
  at: Place;
  blocks: Block[];
  parent: Section | null;
  children: Section[];
}

export interface Markdown {
  /** In the order of the text; the first is the one of level 0. */
  sections: Section[];
  /** YAML at the top of the file, or null. */
  front: string | null;
  /** The text of a block as it was written, without the indentation of what it stands in. */
  source(node: { position?: Block['position'] }): string;
}

const INLINE = [
  ...['attention', 'autolink', 'characterReference', 'definition', 'hardBreakEscape', 'htmlText'],
  ...['labelEnd', 'labelStartImage', 'labelStartLink'],
];

/** null after a report: too long or too deep. */
export function parseMarkdown(input: string, problems: Problems): Markdown | null {
  const whole = input.replaceAll(/\r\n?/g, '\n');
  if (!isWithinLimits(whole, problems)) return null;
  const front = /^---[ \t]*\n((?:.*\n)*?)---[ \t]*(?:\n|$)/.exec(whole);
  // Blank lines in its place keep the numbers of the lines.
  const text = front ? '\n'.repeat(front[0].split('\n').length - 1) + whole.slice(front[0].length) : whole;
  const root = fromMarkdown(text, {
    extensions: [gfmTable(), { disable: { null: INLINE } }],
    mdastExtensions: [gfmTableFromMarkdown()],
  });
  const source: Markdown['source'] = ({ position }) => {
    const { start, end } = position!;
    const lines = text.slice(start.offset, end.offset).split('\n');
    const indent = ' '.repeat(start.column - 1);
    return lines
      .map((line, i) => (i > 0 && line.startsWith(indent) ? line.slice(indent.length) : line))
      .join('\n');
  };
  return { sections: sectionsOf(root), front: front?.[1] ?? null, source };
}

function isWithinLimits(text: string, problems: Problems): boolean {
  const lines = text.split('\n');
  let signs = 0;
  const wrong = (line: number, what: string) => {
    problems.add({ line, column: 1 }, '', what);
    return false;
  };
  if (lines.length > MAX_LINES) return wrong(MAX_LINES + 1, `has more than ${MAX_LINES} lines`);
  for (const [i, line] of lines.entries()) {
    const levels = signsOf(line);
    if (levels > MAX_LEVELS) return wrong(i + 1, `is nested deeper than ${MAX_LEVELS} levels`);
    signs += levels;
  }
  return signs <= MAX_SIGNS || wrong(1, 'has too many items');
}

function signsOf(line: string): number {
  const sign = /[ \t]*(?:>|[-*+](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))/y;
  let count = 0;
  while (count <= MAX_LEVELS && sign.test(line)) count++;
  return count;
}

function sectionsOf(root: Root): Section[] {
  const top: Section = {
    level: 0,
    title: '',
    at: { line: 1, column: 1 },
    blocks: [],
    parent: null,
    children: [],
  };
  const sections = [top];
  let open = top;
  for (const block of root.children) {
    if (block.type !== 'heading') {
      open.blocks.push(block);
      continue;
    }
    while (open.level >= block.depth) open = open.parent!;
    const section: Section = {
      level: block.depth,
      title: plainText(block),
      at: placeOf(block),
      blocks: [],
      parent: open,
      children: [],
    };
    open.children.push(section);
    open = section;
    sections.push(section);
  }
  return sections;
}

export function placeOf({ position }: { position?: Block['position'] }): Place {
  return { line: position!.start.line, column: position!.start.column };
}

/** What a reader sees of a line: no stars, backquotes and addresses of links. */
export function plainText(node: unknown): string {
  return withoutSigns(rawText(node)).replaceAll(/\s+/g, ' ').trim();
}

function rawText(node: unknown): string {
  const { value, children } = node as { value?: string; children?: unknown[] };
  return value ?? children?.map(rawText).join('') ?? '';
}

function withoutSigns(text: string): string {
  return text
    .replaceAll(/!?\[([^[\]]{1,500})\]\(([^()\s]{0,500})\)/g, '$1')
    .replaceAll(/(\*\*|__|~~)(?=\S)([^*_~]{1,1000})\1/g, '$2')
    .replaceAll(/(?<![\w*])([*_])(?=\S)([^*_]{1,1000})\1(?![\w*])/g, '$2');
}

/** The first paragraph of an item, where it begins with one. */
export function firstParagraph(item: ListItem): Paragraph | null {
  const [first] = item.children;
  return first?.type === 'paragraph' ? first : null;
}
