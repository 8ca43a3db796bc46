/** `rasen report`: what happened, what it cost, what needs a person. */
import { defineCommand, FORMAT } from '../command.ts';
import { taskRef } from '../project.ts';
import { reportText } from '../report-text.ts';
import { sourceOf, tellSource } from '../source.ts';
import { parseSince } from '../time.ts';

/** A night and the evening before, where nobody says how long. */
const DEFAULT_SINCE = '24h';

export const report = defineCommand<{ since?: string }>({
  name: 'report',
  summary: 'Tell what happened to tasks, what it cost and what needs you',
  details: [
    'Tasks that need you come first, each with what to type next. Without ids it tells of all tasks that moved in the last 24 hours or are not over; attempts, waits, commits, time, tokens and cost are those of that time. With ids it tells of these tasks from their beginning, or from --since on.',
    'The exit status is 0 whatever is told.',
  ],
  arguments: [
    { name: 'ids', about: 'tasks: id, part of it, name, or project folder', optional: true, many: true },
  ],
  options: [
    {
      flags: '--since <time>',
      about: 'count from a time on: 12h, 2d, 2026-01-27T18:45 (default without ids: 24h)',
      parse: text => parseSince(text),
    },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen report', about: 'in the morning' },
    { command: 'rasen report --since 12h --format json', about: 'for programs' },
    { command: 'rasen report nightly-build', about: 'one task from its beginning' },
  ],
  async run({ args, options }, context) {
    const tasks = args.map(given => taskRef(context, given));
    const since = options.since ?? (tasks.length === 0 ? parseSince(DEFAULT_SINCE) : undefined);
    const answer = await context.link.call('task.report', {
      ...(tasks.length > 0 ? { tasks } : {}),
      ...(since === undefined ? {} : { since }),
    });
    tellSource(context);
    context.out.reply({ source: sourceOf(context), ...answer }, () => reportText(answer, Date.now()));
  },
});
