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
      if (block.type === 'list') this.items(block.children, label);
      else if (block.type === 'paragraph')
        this.#say(this.continued(this.#markdown.source(block).split('\n'), placeOf(block)).join('\n'));
      else if (block.type !== 'thematicBreak') this.#say(this.#markdown.source(block));
    }
  }

  /**
   * Items of a list. Below a label they are paths, up to the first box, which may stand in the same list; the label may also be
   * the last line of an item, since a line without a sign belongs to the item before it.
   */
  items(items: readonly ListItem[], label: PathKind | null = this.#label): void {
    for (const item of items) {
      const boxed = isBoxed(item, this.#markdown);
      if (label !== null && !boxed) this.#path(item, label);
      else {
        this.#label = null;
        this.#item(item, boxed);
        label = this.#label;
      }
    }
    this.#label = null;
  }

  /** Lines of a paragraph without the labels and paths among them, which are taken. */
  continued(lines: readonly string[], at: Place): string[] {
    let open: PathKind | null = null;
    const text = lines.filter((line, i) => {
      const label = labelOf(line);
      const kind: PathKind | null = label?.kind ?? open;
      if (kind !== null) this.#paths(label ? label.rest : line, kind, { ...at, line: at.line + i });
      if (label) open = label.rest === '' ? label.kind : null;
      return kind === null;
    });
    this.#label = open;
    return text;
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

  #paths(text: string, kind: PathKind, at: Place): void {
    takePaths(text, kind, at, this.work, this.#problems);
  }

  #path(item: ListItem, kind: PathKind): void {
    const [first, ...more] = item.children;
    if (first) this.#paths(this.#markdown.source(first), kind, placeOf(first));
    for (const block of more)
      if (block.type === 'list') for (const inner of block.children) this.#path(inner, kind);
  }

  #item(item: ListItem, boxed: boolean): void {
    const box = boxOf(item, this.#markdown);
    const first = firstParagraph(item);
    if (box) this.#box(box, item);
    else if (first && labelOf(this.#markdown.source(first).split('\n')[0]!))
      this.take(item.children as Block[]);
    else if (boxed) this.take(item.children as Block[]);
    else this.#sayItem(this.#markdown.source(item));
  }

  /** Neighbours in a list stay neighbours. */
  #sayItem(text: string): void {
    const said = this.work.text;
    const last = said.at(-1);
    if (last !== undefined && this.#boxes.length === 0 && /^(?:[-*+]|\d+[.)])\s/.test(last))
      said[said.length - 1] = `${last}\n${text}`;
    else this.#say(text);
  }

  #box(box: Box, item: ListItem): void {
    const { work } = this;
    work.boxes++;
    if (box.ticked) work.ticked++;
    const lines = this.continued(box.text.split('\n'), placeOf(item));
    const text = lines.map(line => line.trim()).join(' ');
    if (text !== '') {
      work.acceptance.push(text);
      this.#boxes.push(text);
    }
    this.#after = true;
    this.take(item.children.slice(1) as Block[]);
  }
}
