/**
 * A plan in Markdown, as people and their tools write it. Which parts are the tasks is decided for the whole file, by the
 * first of these that is there: headings such as `### Task 2: title`; items with a checkbox; headings with a number, of
 * phases or others; rows of a table; numbered items; plain items. Tasks are done in their order. A checkbox that belongs
 * to no task becomes one, so that no work is overlooked, and a file without a task is refused.
 */

import { columnsOf, rowsOf } from './markdown/table.ts';
import {
  type Block,
  firstParagraph,
  type List,
  type ListItem,
  type Markdown,
  parseMarkdown,
  placeOf,
  plainText,
  type Section,
} from './markdown/tree.ts';
import { type Box, boxOf, hasBoxes, isBoxed, newWork, type Work, WorkReader } from './markdown/work.ts';
import { type Draft, type DraftSubtask, NO_DEFAULTS } from './plan-draft.ts';
import { chain } from './plan-form.ts';
import { plainId } from './plan-id.ts';
import { agentWork } from './plan-new.ts';
import { ralphItems, readRalphPlan } from './plan-ralph.ts';
import { type Place, Problems } from './problems.ts';
import { parseYaml } from './yaml.ts';

const KINDS = [/^(task)/i, /^((?:user )?story|ticket|issue|work item|feature)/i, /^(step)/i] as const;
const NUMBER = /^\s*#?\s*(\d{1,4}(?:[.-]\d{1,4})*[a-z]?)(?![\w.])\s*(?:[:.)–—|-]+\s*)?/i;
const GROUP = /^(phase|milestone|stage|part|sprint|epic|iteration|checkpoint|wave|section)\b/i;
/** The number at the beginning of an item or heading: `1.2`, `3)`, `T012`. */
const LEADING =
  /^(?:(?:task|step|story)\s+)?((?:[A-Z]{1,4}-?)?\d{1,4}(?:\.\d{1,4})*)(?:[.):]+|(?=\s)|\s*[–—-])\s+(?=\S)/i;
const CRITERIA =
  /^(?:(?:success|acceptance|exit|completion|done|quality)\s+(?:criteria|gates?)|definition of done|(?:final |overall |automated |manual )?(?:verification|validation)(?: steps?| commands?| checklist| criteria)?|done when|how to (?:test|verify)|acceptance)\s*:?$/i;
const NOT_TO_DO = /\b(?:out of scope|non-?goals?|not (?:doing|in scope|included)|won['’]t do)\b/i;
const WORK = /\b(?:tasks?|to-?dos?|plan|steps?|implementation|checklist|work)\b/i;
const FINISHED = /\s*(?:✅|☑️?|✔️?|\((?:done|completed)\))\s*$/iu;
const ORNAMENT = /^(?:\[[ xX]\]|\p{So}|\p{Sk}|\uFE0F|\s)+/u;
/** Longest text around the items of a section that each of them is given. */
const MAX_CONTEXT = 4096;
const MAX_TITLE = 500;

interface Found {
  title: string;
  /** As the file counts: `3`, `1.2`, `T012`; null: it does not. */
  number: string | null;
  /** The word before the number, in the id. */
  word: string;
  at: Place;
  work: Work;
  description: string;
  section: Section;
  /** Ticked although there is no box of its own. */
  finished?: boolean;
  /** It has everything in it that is below its heading. */
  whole?: boolean;
}

export function isMarkdown(path: string): boolean {
  return /\.(?:md|markdown)$/i.test(path);
}

export function readMarkdownPlan(input: string, problems: Problems): Draft {
  const markdown = parseMarkdown(input, problems);
  const todos = markdown && todosOf(markdown.front);
  if (todos) return { ...readRalphPlan(todos.tree, todos.items, problems), goal: null };
  const reader = markdown && new PlanReader(markdown, problems);
  const found = reader?.read() ?? [];
  if (found.length === 0 && !problems.any)
    problems.add(
      { line: 1, column: 1 },
      '',
      'has no tasks; each is a heading ### Task N: title, or an item with a checkbox: - [ ] title',
    );
  const subtasks = withIds(found);
  for (const { subtask, at } of subtasks)
    if (subtask.title === '' && subtask.description === '' && subtask.acceptance.length === 0)
      problems.add(at, subtask.id, 'says nothing to do');
  chain(subtasks);
  return {
    subtasks,
    goal: null,
    defaults: { ...NO_DEFAULTS, name: nameOf(markdown) },
    claimed_completed: found.flatMap(({ work, finished }, i) =>
      (work.boxes > 0 ? work.ticked === work.boxes : finished) ? subtasks[i]!.subtask.id : [],
    ),
    notes: reader?.notes ?? [],
  };
}

/** A list of todos in the YAML at the top of the file, as editors keep it; the text below says the same at length. */
function todosOf(front: string | null) {
  const tree = front === null ? null : parseYaml(`\n${front}`, new Problems(''));
  const items = tree && ralphItems(tree);
  return tree && items && { tree, items };
}

const nameOf = (markdown: Markdown | null) =>
  markdown?.sections.find(({ level }) => level === 1)?.title.slice(0, 200) || null;

class PlanReader {
  readonly notes: string[] = [];
  readonly #markdown: Markdown;
  readonly #problems: Problems;

  constructor(markdown: Markdown, problems: Problems) {
    this.#markdown = markdown;
    this.#problems = problems;
  }

  read(): Found[] {
    const { sections } = this.#markdown;
    this.#refuseUnnumbered();
    const kind = KINDS.find(word => sections.some(section => taskOf(section, word)));
    if (kind) return this.#headings(kind);
    const work = sections.filter(section => !this.#isLeftOut(section));
    if (work.some(section => !isOfCriteria(section) && hasBoxes(section.blocks, this.#markdown)))
      return this.#boxes(work);
    const numbered = numberedOf(work);
    if (numbered.length > 0) return this.#groups(numbered);
    if (work.some(section => hasBoxes(section.blocks, this.#markdown))) return this.#boxes(work, true);
    const rows = work.flatMap(section => this.#rows(section));
    return rows.length > 0 ? rows : this.#plainLists(work);
  }

  /** Headings that say "task" and do not count: whoever wrote them meant something that is not understood. */
  #refuseUnnumbered(): void {
    for (const { title, at } of this.#markdown.sections) {
      if (!/^Task\s+[a-z]+\s*[:–—]/i.test(title)) continue;
      this.#problems.add(at, '', `"${title.slice(0, 80)}" has no number; write ### Task N: title`);
    }
  }

  #isLeftOut(section: Section): boolean {
    for (let at: Section | null = section; at; at = at.parent) if (NOT_TO_DO.test(at.title)) return true;
    return false;
  }

  /** Each heading of the kind is a task with all that is below it; one that has others below it is a group. */
  #headings(kind: RegExp): Found[] {
    const found: Found[] = [];
    const isTask = (section: Section) => taskOf(section, kind) !== null;
    const hasTasks = (section: Section): boolean => section.children.some(c => isTask(c) || hasTasks(c));
    const visit = (section: Section): void => {
      const task = taskOf(section, kind);
      if (task && !hasTasks(section)) {
        found.push(this.#whole(section, task, isTask));
        return;
      }
      // What a group says itself, and boxes between the tasks.
      if (task && hasBoxes(section.blocks, this.#markdown))
        found.push({ ...this.#whole({ ...section, children: [] }, task, isTask) });
      else if (hasBoxes(section.blocks, this.#markdown)) this.#loose(section, found);
      for (const child of section.children) visit(child);
    };
    visit(this.#markdown.sections[0]!);
    return found;
  }

  /** Boxes outside of every task: criteria of the whole are those of the last task, others are a task of their own. */
  #loose(section: Section, found: Found[]): void {
    if (this.#isLeftOut(section)) {
      this.notes.push(
        `"${section.title}" (line ${section.at.line}) is not taken: it says what is not to be done`,
      );
      return;
    }
    const last = found.at(-1);
    if (isOfCriteria(section) && last) this.#addCriteria(section, last);
    else
      found.push(
        this.#whole(
          { ...section, children: [] },
          { title: section.title || 'Checklist', number: null, word: '' },
          () => false,
        ),
      );
  }

  #addCriteria(section: Section, { work }: Found): void {
    const reader = new WorkReader(this.#markdown, this.#problems);
    reader.take(section.blocks);
    work.acceptance.push(...reader.work.acceptance);
    work.boxes += reader.work.boxes;
    work.ticked += reader.work.ticked;
  }

  /** A section with the sections below it as one task. */
  #whole(section: Section, { title, number, word }: Named, isTask: (section: Section) => boolean): Found {
    const reader = new WorkReader(this.#markdown, this.#problems);
    const take = (part: Section) => {
      if (part !== section) reader.heading(part.level, part.title);
      reader.take(part.blocks);
      for (const child of part.children) if (!isTask(child)) take(child);
    };
    take(section);
    const finished = FINISHED.test(section.title) || /^\[[xX]\]/.test(section.title);
    const description = reader.description();
    return {
      title,
      number,
      word,
      at: section.at,
      work: reader.work,
      description,
      section,
      finished,
      whole: true,
    };
  }

  /** Every item with a box at the outermost level is a task; boxes inside of it are its criteria. */
  #boxes(sections: readonly Section[], all = false): Found[] {
    const found: Found[] = [];
    for (const section of sections) {
      const before = found.length;
      if (!all && isOfCriteria(section)) {
        const last = found.at(-1);
        const group = groupOf(section);
        // A phase whose only boxes are its criteria is the task itself, with all that is below it.
        if (group !== null && last?.section === group && last.whole) continue;
        if (last && (!group || isBelow(last.section, group))) this.#addCriteria(section, last);
        else if (group) found.push(this.#whole(group, namedOf(group), () => false));
        continue;
      }
      const { context, label } = this.#around(section);
      for (const block of section.blocks)
        if (block.type === 'list') this.#itemsOf(block, section, context, label, found);
      const isEmptyGroup =
        GROUP.test(section.title) &&
        found.length === before &&
        !section.children.some(child => this.#hasWork(child));
      if (isEmptyGroup) found.push(this.#whole(section, namedOf(section), () => false));
    }
    return found;
  }

  #hasWork(section: Section): boolean {
    return hasBoxes(section.blocks, this.#markdown) || section.children.some(child => this.#hasWork(child));
  }

  /** What a section says around its lists, for each of its items. */
  #around(section: Section): { context: string; label: Work } {
    const reader = new WorkReader(this.#markdown, this.#problems);
    reader.take(section.blocks.filter(block => !hasBoxes([block], this.#markdown)));
    const path = [];
    for (let at: Section | null = section; at && at.level > 1; at = at.parent) path.unshift(at.title);
    const text = reader.description();
    const context = [path.join(' › '), text.length <= MAX_CONTEXT ? text : '']
      .filter(part => part !== '')
      .join('\n\n');
    return { context, label: reader.work };
  }

  #itemsOf(list: List, section: Section, context: string, label: Work, found: Found[]): void {
    /** Reads what stands between the boxes, which belongs to the one before it. */
    let before: { task: Found; reader: WorkReader; own: string } | null = null;
    for (const item of list.children) {
      const box = boxOf(item, this.#markdown);
      if (box) {
        before = this.#started(item, box, section, context, label);
        found.push(before.task);
      } else if (isBoxed(item, this.#markdown)) {
        before = null;
        for (const block of item.children)
          if (block.type === 'list') this.#itemsOf(block as List, section, context, label, found);
      } else if (before) {
        before.reader.items([item]);
        before.task.description = joined(before.own, before.reader.description());
      }
    }
  }

  #item(item: ListItem, section: Section, context: string): Found {
    return this.#started(item, null, section, context, newWork()).task;
  }

  #started(item: ListItem, box: Box | null, section: Section, context: string, label: Work) {
    const reader = new WorkReader(this.#markdown, this.#problems);
    const first = firstParagraph(item);
    const at = placeOf(item);
    const text = (box ? box.text : first ? this.#markdown.source(first) : '').split('\n');
    const more = reader.continued(text.slice(1), { ...at, line: at.line + 1 }).join('\n');
    const { work } = reader;
    const children = (first ? item.children.slice(1) : item.children) as Block[];
    reader.take(children);
    if (box) {
      work.boxes++;
      if (box.ticked) work.ticked++;
    }
    work.files.push(...label.files);
    work.tests.push(...label.tests);
    const whole = plainText({ value: text[0] ?? '' });
    const leading = LEADING.exec(whole);
    const title = leading ? whole.slice(leading[0].length) : whole;
    const isLong = title.length > MAX_TITLE;
    const own = joined(context, isLong ? text[0]! : '', more.trim());
    const task: Found = {
      title: isLong ? `${title.slice(0, 100)}…` : title,
      number: leading?.[1] ?? null,
      word: '',
      at,
      work,
      description: joined(own, reader.description()),
      section,
      finished: FINISHED.test(section.title),
    };
    return { task, reader, own };
  }

  /** Headings that count (`## Phase 1`, `## 1. Setup`): their numbered items, where they have any, else themselves. */
  #groups(sections: readonly Section[]): Found[] {
    return sections.flatMap(section => {
      if (sections.some(other => other !== section && isBelow(other, section))) return [];
      const lists = section.blocks.filter(block => block.type === 'list' && block.ordered === true) as List[];
      if (!GROUP.test(section.title) || lists.length === 0)
        return this.#whole(section, namedOf(section), () => false);
      const context = this.#contextWithout(section, lists);
      const items = lists.flatMap(list => list.children);
      return items.map((item, i) => {
        const task = this.#item(item, section, context);
        return { ...task, number: task.number ?? String(i + 1) };
      });
    });
  }

  #contextWithout(section: Section, lists: readonly Block[]): string {
    return this.#around({ ...section, blocks: section.blocks.filter(block => !lists.includes(block)) })
      .context;
  }

  #rows(section: Section): Found[] {
    return section.blocks.flatMap(block => {
      const columns = block.type === 'table' ? columnsOf(block) : null;
      if (block.type !== 'table' || columns === null) return [];
      const { context } = this.#around({ ...section, blocks: [] });
      return rowsOf(block, columns, this.#problems).map(({ title, number, at, work, text, finished }) => {
        const description = [context, text].filter(part => part !== '').join('\n\n');
        return { title, number, word: '', at, work, description, section, finished };
      });
    });
  }

  /** Numbered items, else plain ones: those below a heading that speaks of work, or all where no heading does. */
  #plainLists(sections: readonly Section[]): Found[] {
    const named = sections.filter(({ title, level }) => level > 1 && WORK.test(title));
    for (const isOrdered of [true, false]) {
      const lists = (section: Section) =>
        section.blocks.filter(
          block => block.type === 'list' && (block.ordered === true) === isOrdered,
        ) as List[];
      const where = [named, isOrdered || sections.every(({ level }) => level < 2) ? sections : []].find(
        some => some.some(section => lists(section).length > 0),
      );
      if (!where) continue;
      return where.flatMap(section => {
        const context = this.#contextWithout(section, lists(section));
        return lists(section).flatMap(list => list.children.map(item => this.#item(item, section, context)));
      });
    }
    return [];
  }
}

const joined = (...parts: string[]) => parts.filter(part => part !== '').join('\n\n');

interface Named {
  title: string;
  number: string | null;
  word: string;
}

/** The task that a heading names, or null. */
function taskOf({ title, level }: Section, kind: RegExp): Named | null {
  if (level === 0) return null;
  const plain = title.replace(ORNAMENT, '');
  const word = kind.exec(plain);
  const number = word && NUMBER.exec(plain.slice(word[0].length));
  if (!word || !number || !/^[\s#]/.test(plain.slice(word[0].length))) return null;
  const text = plain.slice(word[0].length + number[0].length).replace(FINISHED, '');
  return { title: text, number: number[1]!, word: word[1]!.toLowerCase() };
}

function namedOf({ title }: Section): Named {
  const plain = title.replace(ORNAMENT, '').replace(FINISHED, '');
  const word = GROUP.exec(plain);
  const number = word && NUMBER.exec(plain.slice(word[0].length));
  if (word && number) {
    const text = plain.slice(word[0].length + number[0].length);
    return { title: text || plain, number: number[1]!, word: word[1]!.toLowerCase() };
  }
  const leading = LEADING.exec(plain);
  return { title: leading ? plain.slice(leading[0].length) : plain, number: leading?.[1] ?? null, word: '' };
}

/** Sections that count: of phases, or at least two with a number in front. */
function numberedOf(sections: readonly Section[]): Section[] {
  const groups = sections.filter(
    ({ title, level }) => level > 0 && namedOf({ title } as Section).word !== '',
  );
  if (groups.length > 0) return groups;
  const counted = sections.filter(
    ({ title, level }) => level > 0 && LEADING.test(title.replace(ORNAMENT, '')),
  );
  return counted.length > 1 ? counted : [];
}

/** The phase that a section belongs to, itself included. */
function groupOf(section: Section): Section | null {
  for (let at: Section | null = section; at; at = at.parent)
    if (GROUP.test(at.title.replace(ORNAMENT, ''))) return at;
  return null;
}

function isBelow(section: Section, other: Section): boolean {
  for (let at: Section | null = section; at; at = at.parent) if (at === other) return true;
  return false;
}

function isOfCriteria(section: Section): boolean {
  for (let at: Section | null = section; at && at.level > 1; at = at.parent)
    if (CRITERIA.test(at.title)) return true;
  return false;
}

/** Ids from the numbers of the file where they tell the tasks apart, with the phase where each counts anew. */
function withIds(found: readonly Found[]): DraftSubtask[] {
  const counted = found.some(({ word }) => word !== '') || found.every(({ number }) => number !== null);
  const plain = found.map((task, i) => idOf(task, i, counted));
  const groups = found.map(({ section }) => groupOf(section));
  const anew = new Set(plain).size < plain.length && new Set(groups).size > 1;
  return found.map((task, i) => {
    const group = groups[i] && namedOf(groups[i]);
    const id =
      anew && group && group.number !== null ? `${group.word}-${group.number}-${plain[i]}` : plain[i]!;
    return draftOf(task, plainId(id) ?? `task-${i + 1}`);
  });
}

function idOf({ number, word, title }: Found, index: number, counted: boolean): string {
  if (!counted) return `task-${index + 1}`;
  if (number === null) return plainId(title) ?? `task-${index + 1}`;
  const plain = number.replace(/^0+(?=\d)/, '');
  return plainId(word === '' ? plain : `${word}-${plain}`) ?? `task-${index + 1}`;
}

function draftOf({ title, at, work, description }: Found, id: string): DraftSubtask {
  const { files, tests, acceptance } = work;
  const unique = (paths: readonly string[]) => [...new Set(paths)];
  const subtask = {
    ...agentWork(id),
    title,
    description,
    files: unique(files),
    tests: unique(tests),
    acceptance,
  };
  return { subtask, at, id_at: at, needs_at: [], path: id };
}
