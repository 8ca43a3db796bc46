/** The triggers of rasen.yml, taken over: what is missing is made, what differs is changed, what is not there any more goes. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Params, TriggerView } from '../index.ts';
import { orderOfTrigger } from '../submit/order.ts';
import { ulid } from '../util/ulid.ts';
import type { Context } from './context.ts';
import { exactEnv } from './exact.ts';
import { inheritedOfShell } from './inherited.ts';

export interface Change {
  name: string;
  /** passed: its time was over before it was ever taken. */
  change: 'created' | 'changed' | 'unchanged' | 'removed' | 'passed';
}

type Draft = Params<'trigger.create'>['definition'];

/** Throws `config` where the file is wrong; then nothing was done. */
export async function applyTriggers(
  context: Context,
  project: string,
  { dry_run }: { dry_run: boolean },
): Promise<Change[]> {
  const { env, link } = context;
  const bundle = await context.loadConfigBundle();
  const config = bundle.loadConfig({ project, env });
  const source = config.written.get('triggers')?.file ?? 'rasen.yml';
  const path = join(project, source);
  const wanted = Object.entries(config.settings.triggers).map(([name, setting]) => {
    const shell = { name, process: inheritedOfShell(env) };
    const { spec: task, env: captured } = orderOfTrigger(bundle, setting.task, config, exactEnv(env), shell);
    const { when, policy } = bundle.triggerDraft(setting);
    const draft: Draft = {
      name,
      when,
      policy,
      task,
      source: path,
    };
    return { name, draft, env: captured };
  });
  const known = dry_run && !(await link.reachable()) ? [] : await link.call('trigger.list', { source: path });
  const changes: Change[] = [];
  for (const { name, draft, env: captured } of wanted) {
    const before = known.find(view => view.name === name);
    changes.push({ name, change: await applyOne(context, before, draft, captured, dry_run) });
  }
  for (const { id, name } of known.filter(view => !wanted.some(one => one.name === view.name))) {
    if (!dry_run) await link.call('trigger.remove', { trigger: id });
    changes.push({ name, change: 'removed' });
  }
  return changes;
}

async function applyOne(
  { link }: Context,
  before: TriggerView | undefined,
  definition: Draft,
  env: Record<string, string>,
  dry_run: boolean,
): Promise<Change['change']> {
  if (!before) {
    const { when } = definition;
    if (when.kind === 'at' && Date.parse(when.at) <= Date.now()) return 'passed';
    const id = ulid();
    if (!dry_run)
      await link.persist(client => client.call('trigger.create', { id, definition, env }), { starts: true });
    return 'created';
  }
  const { definition: now } = await link.call('trigger.get', { trigger: before.id });
  if (isSame(now, definition)) return 'unchanged';
  const when = keepsStart(now.when, definition.when) ? now.when : definition.when;
  const params = { trigger: before.id, definition: { ...definition, when }, env };
  if (!dry_run) await link.persist(client => client.call('trigger.edit', params), { starts: true });
  return 'changed';
}

/** An interval that stays the same goes on from where it began. */
const keepsStart = (now: Draft['when'], next: Draft['when']): boolean =>
  now.kind === 'every' && next.kind === 'every' && now.every_seconds === next.every_seconds;

/** Ids are of one order, and a start is that of the first time. */
function isSame(now: Draft, next: Draft): boolean {
  const bare = ({ when, policy, task }: Draft) => {
    const { id: _, process: _process, plan, ...rest } = task;
    return {
      when: when.kind === 'every' ? { ...when, from: null } : when,
      policy,
      ...{ ...rest, plan: plan && { ...plan, task: '' } },
    };
  };
  return isDeepStrictEqual(bare(now), bare(next));
}
