/** `rasen events`: the numbered facts about tasks, as they are recorded. */

import { type Origin, originText } from '../../contract/origin.ts';
import { defineCommand, FORMAT, TASK } from '../command.ts';
import { type EventRecord, readEvents } from '../event-stream.ts';
import { sayOnSignal } from '../interrupts.ts';
import { oneLine } from '../output.ts';
import { findProject, taskRef } from '../project.ts';
import { tellSource } from '../source.ts';
import { notRunYet } from '../task-calls.ts';
import { localTime, wholeNumber } from '../time.ts';

interface Options {
  follow?: boolean;
  all?: boolean;
  after?: number;
}

export const events = defineCommand<Options>({
  name: 'events',
  summary: 'Show the events of a task, or of all tasks as they come',
  details: [
    'The events of one task come from its first on, with -f also those to come. Of all tasks (--all, or outside of a project) task by task; with -f only those to come. With --json each is one line of JSON with at least task, seq, t and type.',
  ],
  arguments: [TASK],
  options: [
    { flags: '-f, --follow', about: 'go on with what comes' },
    { flags: '--all', about: 'all tasks' },
    {
      flags: '--after <seq>',
      about: 'of one task, only events with a higher number',
      parse: wholeNumber('--after'),
    },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen events -f --json', about: 'the task of this project, for programs' },
    { command: 'rasen events --all -f', about: 'whatever happens' },
  ],
  async run({ args: [given], options }, context) {
    const { out } = context;
    const one = given !== undefined || (!options.all && findProject(context.cwd) !== null);
    const show = (event: EventRecord) =>
      out.json ? out.valueInTurn(event) : out.printInTurn(`${eventText(event, !one)}\n`);
    const { follow = false, after = 0 } = options;
    if (follow) sayOnSignal(out, 'not followed any more; what was followed goes on.');
    try {
      if (!follow) await context.link.adopt();
      tellSource(context);
      await readEvents(context.link, {
        task: one ? taskRef(context, given) : undefined,
        follow,
        after,
        show,
      });
    } catch (error) {
      throw given === undefined ? notRunYet(context, error) : error;
    }
  },
});

const STAMP = new Set(['task', 'seq', 't', 'mono', 'slept', 'epoch', 'type', 'spec', 'plan', 'nonce', 'crc']);

/** Number, time, type, and those facts that fit in a line. */
function eventText(event: EventRecord, with_task: boolean): string {
  const facts = Object.entries(event)
    .filter(([name, value]) => !STAMP.has(name) && value !== null && typeof value !== 'object')
    .map(([name, value]) => `${name}=${oneLine(String(value), 80)}`);
  const from = originText(event.origin as Origin | undefined);
  if (from !== '') facts.push(`asked ${from}`);
  const task = with_task ? `${event.task}  ` : '';
  return `${task}${String(event.seq).padStart(4)}  ${localTime(String(event.t))}  ${[event.type, ...facts].join('  ')}`;
}
