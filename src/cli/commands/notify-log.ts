/** `rasen notify log`: which notices were sent, and what became of the others. */
import type { TaskView } from '../../index.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { oneLine } from '../output.ts';
import { taskRef } from '../project.ts';
import { tellSource } from '../source.ts';
import { localTime, wholeNumber } from '../time.ts';

const LINES = 50;
/** Tasks that are asked for theirs, the newest first. */
const TASKS_MAX = 1000;
const NAME_CHARS = 40;

interface Line {
  task: string;
  name: string;
  kind: string;
  t: string;
  ok: boolean;
  detail: string | null;
  again_at: string | null;
}

export const notifyLog = defineCommand<{ lines?: number }>({
  name: 'notify log',
  summary: 'Show which notices were sent, and what became of the others',
  details: [
    'Of these tasks, or of all, the oldest line first: each try is a line, with what went wrong and when it is tried again. What a trigger itself told is in `rasen trigger log`.',
  ],
  arguments: [
    { name: 'ids', about: 'tasks: id, part of it, name, or project folder', optional: true, many: true },
  ],
  options: [
    {
      flags: '-n, --lines <n>',
      about: `the last n lines (default: ${LINES})`,
      parse: wholeNumber('--lines', 1),
    },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen notify log', about: 'whether the night could have woken you' },
    { command: 'rasen notify log nightly -n 5', about: 'the last of one task' },
  ],
  async run({ args, options }, context) {
    const { link, out } = context;
    const views =
      args.length === 0
        ? await link.call('task.list', { limit: TASKS_MAX })
        : await Promise.all(args.map(given => link.call('task.get', { task: taskRef(context, given) })));
    const lines = views
      .flatMap(linesOf)
      .toSorted((a, b) => a.t.localeCompare(b.t))
      .slice(-(options.lines ?? LINES));
    tellSource(context);
    out.reply(lines, () => lines.map(textOf).join('\n') || 'No notice was sent yet.');
  },
});

const linesOf = ({ id, name, notifications }: TaskView): Line[] =>
  notifications.map(({ kind, t, ok, detail, again_at }) => ({
    ...{ task: id, name, kind, t, ok, detail, again_at: again_at ?? null },
  }));

function textOf({ t, name, kind, ok, detail, again_at }: Line): string {
  const again = again_at === null ? '' : `; again ${localTime(again_at)}`;
  const what = ok ? 'sent' : `not sent: ${oneLine(detail ?? 'no reason given')}${again}`;
  return `${localTime(t)}  ${oneLine(name, NAME_CHARS)}  ${kind}  ${what}`;
}
