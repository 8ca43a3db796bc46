/** Tasks that cannot be used, each named once, with what is wrong and what a person can do. */
import { RasenError } from '../../contract/errors.ts';
import type { About, Damage } from '../store.ts';
import { MOVED_HINT, salvage, UNKNOWN } from './damage.ts';
import type { Quarantine } from './quarantine.ts';

export class LostTasks {
  readonly all: Damage[] = [];

  of(id: string): Damage | undefined {
    return this.all.find(({ task }) => task === id);
  }

  /** In place of what was said of the task before. */
  name(found: Damage): void {
    const before = this.all.findIndex(({ task }) => task === found.task);
    this.all.splice(before < 0 ? this.all.length : before, 1, found);
  }

  forget(known: Damage): void {
    this.all.splice(this.all.indexOf(known), 1);
  }

  /** What still ran of a task that is gone was ended. */
  noteEnded(id: string): void {
    const found = this.of(id);
    if (found) this.name({ ...found, message: `${found.message}; what still ran of it was ended` });
  }

  /** What is thrown when it is asked for all the same. */
  error(id: string): RasenError {
    return new RasenError('damaged', this.of(id)?.message ?? `task ${id} is gone`);
  }

  /** Names what was moved aside at earlier starts, but for tasks that are here; `found` is told of each. */
  recallMoved(quarantine: Quarantine, here: Set<string>, found: (task: string, about: About) => void): void {
    for (const { task, path, message } of quarantine.tasks()) {
      if (here.has(task)) continue;
      here.add(task);
      const about = salvage(path);
      const why = message ?? 'it could not be read, and was moved aside at an earlier start';
      this.name({ task, kind: 'damaged', message: why, moved_to: path, hint: MOVED_HINT(path), about });
      found(task, about);
    }
  }

  nameGone(task: string, folder: string): void {
    this.name({
      task,
      kind: 'damaged',
      message: `its folder ${folder} is gone; rasen did not remove it`,
      moved_to: null,
      hint: 'Put it back and restart the supervisor, or forget the task, and free its key: rasen gc --damaged',
      about: UNKNOWN,
    });
  }
}
