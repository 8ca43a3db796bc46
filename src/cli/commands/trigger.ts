/** `rasen trigger …`: what starts work by itself. */
import { isRasenError } from '../../contract/errors.ts';
import type { Params, Result, TriggerView } from '../../index.ts';
import { configFolder } from '../../submit/config-folder.ts';
import { applyTriggers } from '../apply-triggers.ts';
import { type ArgumentSpec, defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { oneLine } from '../output.ts';
import { commandOrder } from '../run-command.ts';
import { sourceOf, tellSource } from '../source.ts';
import { localTime, wholeNumber } from '../time.ts';
import {
  POLICY_OPTIONS,
  type PolicyOptions,
  policyOf,
  WHEN_OPTIONS,
  type WhenOptions,
  whenOf,
} from '../trigger-options.ts';
import { receiptLines, receiptText, triggerPage, triggerTable } from '../trigger-text.ts';

const NAME: ArgumentSpec = { name: 'name', about: 'a trigger: its name, or the end of its id' };
const NAMES: ArgumentSpec = { ...NAME, about: 'triggers: their names, or the ends of their ids', many: true };

export const triggerList = defineCommand<{ here?: boolean }>({
  name: 'trigger list',
  summary: 'List triggers',
  details: [
    'STATUS tells whether the trigger is active, paused or finished, whether a run goes on, and how the last one ended: green or red. LAST is what became of the last time at which it was due.',
  ],
  options: [{ flags: '--here', about: 'only triggers of this folder' }, ...FORMAT],
  examples: [{ command: 'rasen trigger list', about: 'all of them' }],
  async run({ options }, context) {
    const { link, out, cwd } = context;
    const views = await link.call('trigger.list', options.here ? { project: cwd } : {});
    if (out.json) {
      const source = sourceOf(context);
      return out.value(views.map(view => ({ ...view, source_of_answer: source })));
    }
    if (views.length === 0) return out.answer('No triggers yet. Make one: rasen run --every 5m -- CMD');
    tellSource(context);
    const [head, ...rest] = triggerTable(views, Date.now());
    out.answer([out.bold(head!), ...rest].join('\n'));
  },
});

export const triggerShow = defineCommand({
  name: 'trigger show',
  summary: 'Show a trigger: its times, its policy and its last runs',
  arguments: [NAME],
  options: [...FORMAT],
  examples: [{ command: 'rasen trigger show nightly', about: 'all of one' }],
  async run({ args: [name] }, { link, out }) {
    const view = await link.call('trigger.get', { trigger: name! });
    out.reply(view, () => triggerPage(view, Date.now()));
  },
});

export const triggerNext = defineCommand<{ lines?: number }>({
  name: 'trigger next',
  summary: 'Show when a trigger will be due',
  arguments: [NAME],
  options: [
    { flags: '-n, --lines <n>', about: 'so many times (default: 5)', parse: wholeNumber('--lines', 1) },
    ...FORMAT,
  ],
  examples: [{ command: 'rasen trigger next nightly', about: 'the next five times' }],
  async run({ args: [name], options }, { link, out }) {
    const { times, tz } = await link.call('trigger.next', { trigger: name!, count: options.lines ?? 5 });
    if (!out.json && times.length === 0) return out.note('it will not be due any more, or is paused');
    out.reply({ times, tz }, () => times.map(time => zonedTime(time, tz)).join('\n'));
  },
});

/** `Mon 2026-11-30 02:00:00 GMT+1 (Europe/Berlin)` */
function zonedTime(time: string, tz: string): string {
  const part = (options: Intl.DateTimeFormatOptions, locale = 'sv') =>
    new Intl.DateTimeFormat(locale, { timeZone: tz, ...options }).format(new Date(time));
  const day = part({ weekday: 'short' }, 'en');
  const zone = new Intl.DateTimeFormat('en', { timeZone: tz, timeZoneName: 'shortOffset' })
    .formatToParts(new Date(time))
    .find(({ type }) => type === 'timeZoneName')!.value;
  return `${day} ${part({ dateStyle: 'short', timeStyle: 'medium' })} ${zone} (${tz})`;
}

export const triggerLog = defineCommand<{ lines?: number }>({
  name: 'trigger log',
  summary: 'Show what became of each time at which a trigger was due',
  details: [
    'One line for each slot, or for a row of slots to which the same happened: started, late, joined (the run of another slot is theirs, too), skipped, missed or refused, with the reason. The latest 1000 are kept.',
  ],
  arguments: [NAME],
  options: [
    {
      flags: '-n, --lines <n>',
      about: 'the latest so many (default: 100)',
      parse: wholeNumber('--lines', 1),
    },
    ...FORMAT,
  ],
  examples: [{ command: 'rasen trigger log nightly', about: 'did it run?' }],
  async run({ args: [name], options }, { link, out }) {
    const receipts = await link.call('trigger.log', {
      trigger: name!,
      limit: Math.min(options.lines ?? 100, 1000),
    });
    if (!out.json && receipts.length === 0) return out.note('it was not due yet');
    out.reply(receipts, () => receiptLines(receipts).join('\n'));
  },
});

export const triggerPause = changing('pause', {
  summary: 'Pause triggers; what falls due meanwhile is skipped',
  example: 'rasen trigger pause nightly',
  about: 'until it is resumed',
  said: view => `Trigger ${view.name} is paused. Go on with: rasen trigger resume ${view.name}`,
});

export const triggerResume = changing('resume', {
  summary: 'Go on with triggers that were paused, or have paused themselves',
  example: 'rasen trigger resume nightly',
  about: 'what fell due meanwhile is skipped',
  said: ({ name, next_at }) => `Trigger ${name} is active.${next_at ? ` Next: ${localTime(next_at)}` : ''}`,
});

export const triggerRemove = changing('remove', {
  summary: 'Remove triggers; their runs are kept as tasks',
  example: 'rasen trigger remove nightly',
  about: 'it is not due any more',
  said: ({ name }) => `Trigger ${name} was removed.`,
});

export const triggerFire = defineCommand({
  name: 'trigger fire',
  summary: 'Start a run of a trigger now',
  details: [
    'What its policy says of overlaps holds. The exit status is 0 when a run was started or waits for its turn.',
  ],
  arguments: [NAME],
  options: [...FORMAT],
  examples: [{ command: 'rasen trigger fire nightly', about: 'without waiting for the night' }],
  async run({ args: [name] }, { link, out }) {
    const params = { trigger: name!, op: crypto.randomUUID() };
    const answer = await link.persist(client => client.call('trigger.fire', params), { starts: true });
    const { receipt } = answer;
    if (receipt?.task) out.note(`follow it with: rasen logs ${receipt.task} --follow`);
    out.reply(answer, () =>
      receipt === null ? 'queued' : (receipt.task ?? `${receipt.outcome}: ${receiptText(receipt)}`),
    );
    return receipt === null || receipt.task ? 0 : 1;
  },
});

interface EditOptions extends WhenOptions, PolicyOptions {
  name?: string;
}

export const triggerEdit = defineCommand<EditOptions>({
  name: 'trigger edit',
  summary: 'Change when a trigger is due, how, or what it runs',
  details: [
    'What is not named stays as it is. Behind "--" stands another command, which gets the environment of this shell.',
  ],
  arguments: [NAME, { name: 'command', about: 'behind "--": another command', optional: true, many: true }],
  options: [{ flags: '--name <name>', about: 'another name' }, ...WHEN_OPTIONS, ...POLICY_OPTIONS, ...FORMAT],
  examples: [
    { command: 'rasen trigger edit nightly --cron "0 3 * * *"', about: 'at another time' },
    { command: 'rasen trigger edit checks --every 10m -- ./check.sh --fast', about: 'another command' },
  ],
  async run({ args: [name], options }, context) {
    const { link, out, argv } = context;
    const given = (['at', 'every', 'cron', 'watch'] as const).filter(key => options[key] !== undefined);
    if (given.length > 1) throw usage(`--${given.join(' and --')} exclude each other.`);
    const before = await link.call('trigger.get', { trigger: name! });
    const { definition } = before;
    const dashes = argv.indexOf('--');
    const command = dashes < 0 ? [] : argv.slice(dashes + 1);
    const order = command.length === 0 ? null : await commandOrder(context, [...command], {});
    const params: Params<'trigger.edit'> = {
      trigger: before.id,
      definition: {
        ...definition,
        name: options.name ?? definition.name,
        when: whenOf(options, definition.when) ?? definition.when,
        policy: { ...definition.policy, ...policyOf(options) },
        ...(order ? { task: order.spec } : {}),
      },
      env: order?.env ?? null,
    };
    const view = await link.persist(client => client.call('trigger.edit', params), { starts: true });
    out.reply(view, () => triggerPage(view, Date.now()));
  },
});

export const triggerApply = defineCommand<{ dryRun?: boolean }>({
  name: 'trigger apply',
  summary: 'Take over the triggers of rasen.yml',
  details: [
    'Triggers under `triggers` in rasen.yml are made, changed where they are others, and removed where they are not there any more. A change of the file alone changes nothing. Runs that go on are left alone.',
  ],
  options: [{ flags: '--dry-run', about: 'only tell what would be done' }, ...FORMAT],
  examples: [{ command: 'rasen trigger apply --dry-run', about: 'what would change' }],
  async run({ options }, context) {
    const { out } = context;
    const changes = await applyTriggers(context, configFolder(context.cwd), {
      dry_run: options.dryRun === true,
    });
    if (!out.json && changes.length === 0) return out.answer('No triggers in rasen.yml.');
    out.reply(changes, () => changes.map(({ name, change }) => `${change.padEnd(9)} ${name}`).join('\n'));
  },
});

type Verb = 'pause' | 'resume' | 'remove';

function changing(
  verb: Verb,
  {
    summary,
    example,
    about,
    said,
  }: { summary: string; example: string; about: string; said(view: TriggerView): string },
) {
  return defineCommand({
    name: `trigger ${verb}`,
    summary,
    arguments: [NAMES],
    options: [...FORMAT],
    examples: [{ command: example, about }],
    async run({ args }, context) {
      return await eachTrigger(
        context,
        args,
        name => context.link.call(`trigger.${verb}`, { trigger: name }),
        said,
      );
    },
  });
}

/** One after the other; what fails with one keeps no other from being done. */
async function eachTrigger(
  { out }: Context,
  names: readonly string[],
  change: (name: string) => Promise<Result<'trigger.pause'>>,
  said: (view: TriggerView) => string,
): Promise<number> {
  const views: TriggerView[] = [];
  let status = 0;
  for (const name of names) {
    try {
      const view = await change(name);
      views.push(view);
      if (!out.json) out.answer(oneLine(said(view)));
    } catch (error) {
      if (!isRasenError(error) || names.length === 1) throw error;
      out.note(`${error.message}${error.hint ? ` ${error.hint}` : ''}`);
      status = error.exit;
    }
  }
  if (out.json) out.value(names.length === 1 ? views[0] : views);
  return status;
}

export const TRIGGER_COMMANDS = [
  ...[triggerList, triggerShow, triggerNext, triggerLog, triggerPause, triggerResume],
  ...[triggerFire, triggerEdit, triggerRemove, triggerApply],
];
