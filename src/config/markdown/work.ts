/** What stands below the heading of a task, or in its item of a list, in the fields of a subtask. */
import type { Place, Problems } from '../problems.ts';
import { labelOf, type PathKind, type Paths, takePaths } from './paths.ts';
import { type Block, firstParagraph, type ListItem, type Markdown, placeOf } from './tree.ts';

export interface Work extends Paths {
  acceptance: string[];
  /** Boxes, and how many of them are ticked. */
  boxes: number;
  ticked: number;
  text: string[];
}

/** `[ ]`, ticked, or with a sign that some programs use for what is under way; a star behind it: optional. */
const BOX = /^\[([ \txX~/>!?-])\]\*?(?:[ \t]+|(?=\n)|$)/;

export interface Box {
  ticked: boolean;
  /** What stands behind the box, as it was written. */
  text: string;
}

export function boxOf(item: ListItem, { source }: Markdown): Box | null {
  const first = firstParagraph(item);
  const text = first ? source(first) : '';
  const box = BOX.exec(text);
  return box && { ticked: /x/i.test(box[1]!), text: text.slice(box[0].length).trim() };
}

/** Boxes anywhere in the blocks. */
export function hasBoxes(blocks: readonly Block[], markdown: Markdown): boolean {
  return blocks.some(block => block.type === 'list' && block.children.some(item => isBoxed(item, markdown)));
}

/** A box before the item, or anywhere in it. */
export function isBoxed(item: ListItem, markdown: Markdown): boolean {
  return boxOf(item, markdown) !== null || hasBoxes(item.children as Block[], markdown);
}

export function newWork(): Work {
  return { files: [], tests: [], acceptance: [], boxes: 0, ticked: 0, text: [] };
}

/** Reads blocks in their order: labels with their paths, boxes, and everything else as text. */
export class WorkReader {
  readonly work = newWork();
  readonly #markdown: Markdown;
  readonly #problems: Problems;
  /** The label of the block before, whose paths may be in the list that comes. */
  #label: PathKind | null = null;
  /** A list of boxes has come: text after it belongs between its items. */
  #after = false;
  #boxes: string[] = [];

  constructor(markdown: Markdown, problems: Problems) {
    this.#markdown = markdown;
    this.#problems = problems;
  }

  take(blocks: readonly Block[]): void {
    for (const block of blocks) {
      const label = this.#label;
      this.#label = null;
      if (block.type === 'list' && label !== null) this.#listed(block.children, label);
      else if (block.type === 'list') this.#list(block.children);
      else if (block.type === 'paragraph') this.#lines(block);
      else if (block.type !== 'thematicBreak') this.#say(this.#markdown.source(block));
    }
  }

  /** A heading inside a task is a part of its text. */
  heading(level: number, title: string): void {
    this.#label = null;
    this.#say(`${'#'.repeat(level)} ${title}`);
  }

  /** The text; boxes stand in it only where text between them would else lose its place. */
  description(): string {
    const { text } = this.work;
    const end = text.findLastIndex(part => !/^#{1,6} .*$/.test(part));
    return text
      .slice(0, end + 1)
      .join('\n\n')
      .trim();
  }

  #say(text: string): void {
    if (text.trim() === '') return;
    if (this.#after && this.#boxes.length > 0) {
      this.work.text.push(this.#boxes.map(box => `- ${box}`).join('\n'));
      this.#boxes = [];
    }
    this.work.text.push(text);
  }

  #lines(block: Block): void {
    const text: string[] = [];
    const at = placeOf(block);
    let open: PathKind | null = null;
    for (const [i, line] of this.#markdown.source(block).split('\n').entries()) {
      const label = labelOf(line);
      const kind: PathKind | null = label?.kind ?? (text.length === 0 ? open : null);
      if (kind === null) text.push(line);
      else this.#paths(label ? label.rest : line, kind, { ...at, line: at.line + i });
      open = label && label.rest === '' ? label.kind : null;
    }
    this.#say(text.join('\n'));
    if (text.length === 0) this.#label = open;
  }

  #paths(text: string, kind: PathKind, at: Place): void {
    takePaths(text, kind, at, this.work, this.#problems);
  }

  /** Below a label: paths up to the first box, which may stand in the same list with only a blank line between them. */
  #listed(items: readonly ListItem[], kind: PathKind): void {
    const box = items.findIndex(item => isBoxed(item, this.#markdown));
    const end = box < 0 ? items.length : box;
    for (const item of items.slice(0, end)) this.#path(item, kind);
    this.#list(items.slice(end));
  }

  #path(item: ListItem, kind: PathKind): void {
    const [first, ...more] = item.children;
    if (first) this.#paths(this.#markdown.source(first), kind, placeOf(first));
    for (const block of more)
      if (block.type === 'list') for (const inner of block.children) this.#path(inner, kind);
  }

  #list(items: readonly ListItem[]): void {
    for (const item of items) {
      const box = boxOf(item, this.#markdown);
      if (box) {
        this.#box(box, item);
        continue;
      }
      const first = firstParagraph(item);
      if (first && labelOf(this.#markdown.source(first).split('\n')[0]!)) this.take(item.children as Block[]);
      else if (hasBoxes(item.children as Block[], this.#markdown)) {
        if (first) this.#say(this.#markdown.source(first));
        this.take(item.children.slice(first ? 1 : 0) as Block[]);
      } else this.#item(this.#markdown.source(item));
    }
  }

  /** Neighbours in a list stay neighbours. */
  #item(text: string): void {
    const { work } = this;
    const last = work.text.at(-1);
    if (last !== undefined && this.#boxes.length === 0 && /^(?:[-*+]|\d+[.)])\s/.test(last))
      work.text[work.text.length - 1] = `${last}\n${text}`;
    else this.#say(text);
  }

  #box(box: Box, item: ListItem): void {
    const { work } = this;
    work.boxes++;
    if (box.ticked) work.ticked++;
    const text = box.text.replaceAll(/\s*\n\s*/g, ' ');
    if (text !== '') {
      work.acceptance.push(text);
      this.#boxes.push(text);
    }
    this.#after = true;
    this.take(item.children.slice(1) as Block[]);
  }
}
