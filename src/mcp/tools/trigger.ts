/** `trigger`: what starts work by itself. */
import * as z from 'zod';
import { usage } from '../../contract/errors.ts';
import { OVERLAPS, triggerName } from '../../contract/trigger.ts';
import type { TriggerView } from '../../index.ts';
import { parseDuration } from '../../util/units.ts';
import type { Door, TriggerDraft } from '../door.ts';
import { defineTool } from '../tool.ts';
import { orderOfWork, workFields } from '../work.ts';

const ACTIONS = ['create', 'list', 'log', 'fire', 'pause', 'resume', 'remove'] as const;
const LOG_LINES = 20;
/** Quiet time after the last change, as `rasen run --watch` has it. */
const DEBOUNCE_MS = 500;

const whenFields = {
  at: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Once: "02:00", "2026-12-24 18:00", or "90m" from now on.'),
  every: z
    .string()
    .min(1)
    .max(20)
    .optional()
    .describe('Now, and each time that this has passed: "30s", "5m", "1h".'),
  cron: z.string().min(1).max(200).optional().describe('At these times: "0 2 * * 1-5".'),
  watch: z
    .array(z.string().min(1).max(4096))
    .min(1)
    .max(1000)
    .optional()
    .describe('Now, and when files are changed: ["src/**"].'),
};
const policyFields = {
  tz: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('Time zone of at and cron. Default: that of the machine.'),
  overlap: z.enum(OVERLAPS).optional().describe('When it is due while a run goes on.'),
  max_runs: z.int().min(1).optional().describe('End after so many runs.'),
};

const input = z.strictObject({
  action: z.enum(ACTIONS),
  name: triggerName.optional().describe('Of the trigger. For create: default is made of what it runs.'),
  ...whenFields,
  ...policyFields,
  ...workFields,
});
type Asked = z.output<typeof input>;

export const trigger = defineTool({
  name: 'trigger',
  title: 'Triggers',
  description:
    'Work that starts by itself: create (one of at, every, cron, watch, and one of command, goal, file), list, log (what became of each time), fire (run it now), pause, resume, remove. Each run is a task. From inside a task only list and log: what starts by itself, a person decides.',
  annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
  input,
  async answer(asked, door) {
    const { action } = asked;
    if (action === 'create') return seen(await create(asked, door));
    refuseFieldsOfCreate(asked);
    if (action === 'list') return { triggers: (await door.call('trigger.list', {})).map(seen) };
    const { name } = asked;
    if (name === undefined) throw usage(`"name" is needed to ${action} a trigger.`);
    const of = { trigger: name };
    if (action === 'log') return { receipts: await door.call('trigger.log', { ...of, limit: LOG_LINES }) };
    if (action === 'fire')
      return { ...(await door.call('trigger.fire', { ...of, op: crypto.randomUUID() })) };
    return seen(await door.call(`trigger.${action}`, of));
  },
});

async function create(asked: Asked, door: Door): Promise<TriggerView> {
  const { action: _, name, at, every, cron, watch, tz, overlap, max_runs, ...work } = asked;
  const policy = {
    ...(tz !== undefined && { tz }),
    ...(overlap !== undefined && { overlap }),
    ...(max_runs !== undefined && { max_runs }),
  };
  const when = whenOf({ at, every, cron, watch });
  const order = await orderOfWork(door, work, { name });
  return await door.createTrigger({ name, when, policy, order });
}

function whenOf({
  at,
  every,
  cron,
  watch,
}: Pick<Asked, 'at' | 'every' | 'cron' | 'watch'>): TriggerDraft['when'] {
  const given = [at, every, cron, watch].filter(it => it !== undefined);
  if (given.length !== 1) throw usage('Exactly one of "at", "every", "cron" and "watch" is needed.');
  if (at !== undefined) return { kind: 'at', at };
  if (cron !== undefined) return { kind: 'cron', cron };
  if (watch !== undefined) {
    const usual = { ignore: [], outputs: [], debounce_ms: DEBOUNCE_MS };
    return { kind: 'watch', patterns: watch, ...usual };
  }
  const every_seconds = parseDuration(every!);
  if (every_seconds === null)
    throw usage(`"every": "${every}" is not a duration.`, 'Write 90s, 10m, 1h30m or 2d.');
  return { kind: 'every', every_seconds, from: null };
}

function refuseFieldsOfCreate({ action, name: _, ...rest }: Asked): void {
  const odd = Object.entries(rest).find(([, value]) => value !== undefined)?.[0];
  if (odd !== undefined) throw usage(`"${odd}" is for "create", not for "${action}".`);
}

/** Without the environment and the spec of its runs. */
function seen({ name, id, status, when, next_at, last }: TriggerView): Record<string, unknown> {
  return { trigger: name, id, status, when, next_at, last };
}
