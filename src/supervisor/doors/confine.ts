/** Takes the order of a session in a sandbox: what it may ask for, and in which place and environment that runs. */
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import type { Asked } from '../../contract/methods/index.ts';
import { envMap } from '../../contract/plan.ts';
import type { Enclosure } from '../../contract/sandbox.ts';
import type { TaskSpec } from '../../contract/spec.ts';
import { mayHave } from '../../engine/recipient.ts';
import { asWorkedBy } from '../../engine/relay.ts';
import type { TaskState } from '../../engine/state.ts';
import { isBelow } from '../../host/below.ts';
import type { EffectContext } from '../effects/context.ts';
import { recipientOfWork } from '../effects/job-env.ts';
import { enclosureOf, secretFiles } from '../effects/sandboxed.ts';
import { userEnv } from '../effects/user-env.ts';
import type { Registry } from '../registry.ts';
import { confined } from './confined.ts';
import type { DoorOf } from './doors.ts';
import type { OwnTasks } from './own-tasks.ts';

type Order = Asked<'task.run'>;
export type Confine = (order: Order, own: OwnTasks, of: DoorOf) => Promise<Order>;

type Context = Pick<EffectContext, 'store' | 'places' | 'secrets' | 'worktrees'>;

/** Throws `not_permitted` for what a session in a sandbox may not have done for it. */
export function confineFor(context: Context, registry: Pick<Registry, 'stateOf' | 'get' | 'byKey'>): Confine {
  return async ({ spec, env: given }, own, of) => {
    const state = asWorkedBy(registry.stateOf(own.entry()), of.step, of.n);
    const step = state.steps.find(({ id }) => id === of.step);
    if (!step || !state.spec.sandbox) throw new Error(`the door of ${of.task} has no session`);
    const who = recipientOfWork(state, step);
    const { store, places, secrets } = context;
    const captured = store.env(state.id);
    // With what the user has set for the task: which folders are hidden is read from it, too.
    const env = Object.fromEntries(
      Object.entries({ ...captured, ...state.spec.env }).filter(([name]) => mayHave(who, name)),
    );
    const found = await enclosureOf(context, state, { who, root: places.root(state, step) });
    const enclosure: Enclosure = {
      ...found,
      root: await realpath(found.root),
      // What is hidden from the session stays so, whatever becomes of its task.
      hidden: [
        ...new Set([...found.hidden, ...context.worktrees(state.id), ...secretFiles({ secrets }, state)]),
      ],
    };
    const home = { ...userEnv(), ...captured, ...state.spec.env }.HOME!;
    if (!envMap.safeParse(given).success)
      throw new RasenError(
        'usage',
        'Nothing was handed over: "env" has a name or a value that no program can have.',
      );
    const roots = [enclosure.root, found.root];
    const whole = confined({ ...spec, env: { ...spec.env, ...given } }, await physical(spec, roots), {
      spec: state.spec,
      enclosure,
      home,
    });
    refuseOthers(whole, state, own, registry);
    return { spec: whole, env };
  };
}

/** null: not there, or not below one of the roots by its name: then it is not even looked for. */
async function physical({ project }: TaskSpec, roots: readonly string[]): Promise<string | null> {
  if (!roots.some(root => isBelow(root, resolve(project)))) return null;
  return await realpath(project).catch(() => null);
}

/** The id, the key and what it comes after are none of other tasks. */
function refuseOthers(
  spec: TaskSpec,
  { id }: TaskState,
  own: OwnTasks,
  registry: Pick<Registry, 'get' | 'byKey'>,
): void {
  const known = registry.get(spec.id) ?? (spec.key === null ? null : registry.byKey(spec.key));
  const others = [...(known ? [known.id] : []), ...spec.after].filter(task => task === id || !own.has(task));
  if (others.length === 0) return;
  throw new RasenError(
    'not_permitted',
    known && others[0] === known.id
      ? 'Nothing was handed over: this id or key is another task’s.'
      : `Nothing was handed over: it would come after ${others[0]}, which was not handed over from here.`,
  );
}
