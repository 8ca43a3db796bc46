/** A table of tasks: one of its columns is the task, others may tell its number, state, files and criteria. */
import type { Place, Problems } from '../problems.ts';
import { takePaths } from './paths.ts';
import { placeOf, plainText, type Table } from './tree.ts';
import { newWork, type Work } from './work.ts';

const COLUMNS = {
  number: /^(?:#|no\.?|nr\.?|id|number|task id|phase)$/i,
  state: /^(?:status|state|done\??|completed?\??)$/i,
  files: /^(?:files?|files? (?:to (?:change|modify|create))|affected files)$/i,
  tests: /^(?:tests|test files?)$/i,
  acceptance: /^(?:acceptance(?: criteria)?|criteria|done when|verification)$/i,
} as const;
/** The best name for what is to be done that the head has. */
const TITLES = [
  /^(?:tasks?|title|name|what|item|to-?do|action)$/i,
  /^(?:description|summary)$/i,
  /^steps?$/i,
];
const DONE = /^(?:done|completed?|finished|yes|✅.*|☑.*|✔.*|\[x\])$/iu;

export type Columns = Partial<Record<keyof typeof COLUMNS, number>> & {
  title: number;
  /** Other columns, with their heads. */
  rest: [number, string][];
};

export interface Row {
  title: string;
  number: string | null;
  at: Place;
  work: Work;
  /** What the columns say that nobody knows. */
  text: string;
  finished: boolean;
}

/** null: no table of tasks. A table needs something beside the task that tells that it is one. */
export function columnsOf(table: Table): Columns | null {
  const heads = table.children[0]!.children.map(plainText);
  const columns: Partial<Columns> = {};
  const title = TITLES.map(pattern => heads.findIndex(head => pattern.test(head))).find(i => i >= 0);
  if (title === undefined) return null;
  columns.title = title;
  for (const [name, pattern] of Object.entries(COLUMNS) as [keyof typeof COLUMNS, RegExp][]) {
    const at = heads.findIndex((head, i) => pattern.test(head) && !Object.values(columns).includes(i));
    if (at >= 0) columns[name] = at;
  }
  const known = Object.values(columns) as number[];
  if (known.length < 2) return null;
  const rest = heads.flatMap((head, i): [number, string][] => (known.includes(i) ? [] : [[i, head]]));
  return { ...columns, title, rest };
}

export function rowsOf(table: Table, columns: Columns, problems: Problems): Row[] {
  return table.children.slice(1).flatMap(row => {
    const cells = row.children.map(plainText);
    const at = placeOf(row);
    const cell = (name: keyof typeof COLUMNS) =>
      columns[name] === undefined ? '' : (cells[columns[name]] ?? '');
    const title = cells[columns.title] ?? '';
    if (title === '') return [];
    const work = newWork();
    takePaths(cell('files'), 'files', at, work, problems);
    takePaths(cell('tests'), 'tests', at, work, problems);
    if (cell('acceptance') !== '') work.acceptance.push(cell('acceptance'));
    const text = columns.rest.flatMap(([i, head]) => (cells[i] ? [`${head}: ${cells[i]}`] : [])).join('\n');
    return { title, number: cell('number') || null, at, work, text, finished: DONE.test(cell('state')) };
  });
}
