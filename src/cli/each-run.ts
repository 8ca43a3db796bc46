/** The foreground of `rasen each`: the output of each item whole, and an exit status that counts as GNU parallel's. */
import { nextCommand } from '../engine/next-command.ts';
import type { LogCursor, SubtaskView, TaskView } from '../index.ts';
import type { Context } from './context.ts';
import type { Asked, ForegroundOptions, Shown } from './foreground.ts';
import { GroupedOutput } from './grouped-output.ts';
import { readLog } from './log-stream.ts';
import { bytesOf } from './log-text.ts';
import { oneLine } from './output.ts';
import { exitOf } from './task-calls.ts';

/** More that failed are not told apart. */
const COUNTED_MAX = 100;
/** Of what is none of the items: that the task is blocked, or was not taken. */
export const OTHER_ERROR = 255;
/** Items that are named at the end. */
const NAMED_MAX = 10;

export interface EachShown {
  keep_order: boolean;
  /** Nothing new begins after a failure: the exit status is that of the first one. */
  halts: boolean;
}

export function eachForeground(
  context: Context,
  task: TaskView,
  { keep_order, halts }: EachShown,
): ForegroundOptions {
  return {
    through_limits: true,
    show: asked => groups(context, task, keep_order, asked),
    exit: view => eachExit(view, halts),
    tell: view => tellFailures(context, view),
  };
}

function groups(context: Context, { id, subtasks }: TaskView, keep_order: boolean, asked: Asked): Shown {
  const { link, out } = context;
  const following = new AbortController();
  const grouped = new GroupedOutput({
    items: subtasks.map(item => item.id),
    keep_order,
    open() {
      const through = out.passThrough(out.json ? out.stderr : out.stdout);
      return {
        write: async bytes => {
          await asked();
          await through.write(bytes);
        },
        end: () => through.end(),
      };
    },
    async again(subtask, attempt, show) {
      await readLog(link, {
        ...{ task: id, subtask, follow: false, events: false },
        show: record =>
          record.kind === 'output' && record.attempt === attempt ? show(bytesOf(record)) : undefined,
      });
    },
  });
  const request = {
    ...{ task: id, events: true },
    show: (record: Parameters<GroupedOutput['push']>[0]) => {
      if (record.kind === 'gap') out.note(`${record.subtask}: ${oneLine(record.text)}`);
      grouped.push(record);
      return undefined;
    },
  };
  let cursor: LogCursor | undefined;
  const followed = readLog(link, { ...request, follow: true, signal: following.signal }).then(end => {
    cursor = end.cursor;
  });
  return {
    failed: followed.then(() => new Promise<never>(() => {})),
    async end() {
      following.abort();
      await followed;
      await readLog(link, { ...request, follow: false }, cursor);
      await grouped.end();
    },
  };
}

/** 0: all went well; 1–100: so many failed; 101: more; 130: stopped; 255: another error. `halts`: that of the first that failed. */
export function eachExit(view: TaskView, halts: boolean): number {
  if (view.status === 'blocked') return OTHER_ERROR;
  if (view.status !== 'failed') return exitOf(view);
  const failed = failedOf(view);
  if (halts) return firstOf(failed)?.history.at(-1)?.code || 1;
  return Math.min(Math.max(1, failed.length), COUNTED_MAX + 1);
}

const failedOf = ({ subtasks }: TaskView): SubtaskView[] => subtasks.filter(s => s.status === 'failed');

/** The one that ended first. */
function firstOf(failed: readonly SubtaskView[]): SubtaskView | undefined {
  const end = (item: SubtaskView) => item.history.at(-1)?.ended_at ?? '';
  return failed.toSorted((a, b) => (end(a) < end(b) ? -1 : end(a) > end(b) ? 1 : 0))[0];
}

function namedFailure({ id, title, history, reason }: SubtaskView): string {
  const why = history.at(-1)?.reason ?? reason ?? 'failed';
  return `${id} "${oneLine(title, 40)}" (${oneLine(why, 80)})`;
}

function tellFailures({ out }: Context, view: TaskView): void {
  const { id, status, reason, subtasks } = view;
  const failed = failedOf(view);
  if (status !== 'failed') {
    out.note(`${status}${reason ? `: ${oneLine(reason)}` : ''}`);
    if (status !== 'cancelled') out.say(`  Next: ${nextCommand(view)}\n`);
    return;
  }
  const named = failed.slice(0, NAMED_MAX).map(namedFailure);
  const more = failed.length > named.length ? ` and ${failed.length - named.length} more` : '';
  const skipped = subtasks.filter(item => item.status === 'skipped').length;
  const left = skipped > 0 ? `; ${skipped} did not begin` : '';
  out.note(`${failed.length} of ${subtasks.length} failed: ${named.join(', ')}${more}${left}`);
  out.say(`  Do them again with: rasen retry --task ${id}\n`);
}
