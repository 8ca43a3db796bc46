/** Names of the files of a task (architecture 6). The only place that spells them. */
import { join } from 'node:path';

export const ENV_FILE = 'env.json';
/** Not `stdin`: that is a FIFO of runners. */
export const INPUT_FILE = 'input';
export const JOURNAL_FILE = 'events.jsonl';
export const SPEC_FILE = 'spec.json';
export const SNAPSHOT_FILE = 'task.json';

/** A task that is over, as one file beside the folders of the others. */
export const PACK_END = '.pack';

export interface TaskFiles {
  folder: string;
  /** In place of the folder. */
  pack: string;
  journal: string;
  /** State as of some event; rebuildable, never trusted over the journal. */
  snapshot: string;
  spec: string;
  env: string;
  /** Standard input of the command, where it has one. */
  input: string;
  attempts: string;
}

export function taskFiles(tasks: string, id: string): TaskFiles {
  const folder = join(tasks, id);
  return {
    folder,
    pack: `${folder}${PACK_END}`,
    journal: join(folder, JOURNAL_FILE),
    snapshot: join(folder, SNAPSHOT_FILE),
    spec: join(folder, SPEC_FILE),
    env: join(folder, ENV_FILE),
    input: join(folder, INPUT_FILE),
    attempts: join(folder, 'attempts'),
  };
}

/** Beside `tasks/`: the keys that are taken, and how far each journal goes. */
export const keysFolder = (home: string) => join(home, 'keys');
export const headsFile = (home: string) => join(home, 'heads');

export function planFile(rev: number): string {
  return `plan.${rev}.json`;
}

/** An event that is too long for a line. */
export function eventFile(seq: number): string {
  return `event.${seq}.json`;
}

/** The generation before of a document. */
export function previousOf(path: string): string {
  return `${path}.prev`;
}

/** Folder of a job under `attempts/`. */
export function jobFolder(tasks: string, id: string, job: string): string {
  return join(tasks, id, 'attempts', job);
}
