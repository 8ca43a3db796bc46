/** Hands a spec to the supervisor, started if need be. The id in the spec makes a repeated submit the same submit. */
import { isRasenError } from '../contract/errors.ts';
import { putInInbox, removeFromInbox } from '../host/inbox.ts';
import type { Params, Result, TaskSpec } from '../index.ts';
import { LIMITS } from '../rpc/limits.ts';
import { type Flags, type Order, orderFrom, type Wish } from '../submit/order.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';
import { exactEnv } from './exact.ts';
import { inheritedOfShell } from './inherited.ts';
import { sayOnSignal } from './interrupts.ts';
import type { Link } from './link.ts';
import { unknownKeys } from './other-release.ts';

/** What goes around the params of a request in its line. */
export const FRAME_BYTES = 4096;
/** A large order is read, checked and written more than once. */
const LARGE_MS = 120_000;
/** Of a large order one unknown key is named at a time. */
const TRIES_MAX = 20;

export async function submit(context: Context, { spec, env, advice }: Order): Promise<Result<'task.run'>> {
  const { out } = context;
  const release = sayOnSignal(
    out,
    `not waited for any more; whether it was accepted: rasen status ${spec.id}`,
  );
  const result = await handOrLess(context, { spec, env }).finally(release);
  for (const note of [...(result.created ? advice : []), ...result.notes]) out.note(note);
  return result;
}

/** The order of a wish, as this shell would have it: its environment, umask and limits. */
export async function orderHere(
  context: Context,
  wish: Wish,
  { folder = context.cwd, ...flags }: Flags & { folder?: string },
): Promise<Order> {
  const { env, out } = context;
  const order = await orderFrom(
    context.loadConfigBundle,
    wish,
    { folder, env: exactEnv(env) },
    { ...flags, process: inheritedOfShell(env) },
  );
  for (const note of order.notes) out.note(note);
  return order;
}

/** What a supervisor of an earlier release does not know is left out, where that changes nothing. */
export async function handOrLess(
  { link, loadConfigBundle }: Pick<Context, 'link' | 'loadConfigBundle'>,
  params: Params<'task.run'>,
): Promise<Result<'task.run'>> {
  for (let given = params, tries = 1; ; tries++) {
    try {
      return await hand(link, given);
    } catch (error) {
      const keys = isRasenError(error) ? unknownKeys(error.cause ?? error) : [];
      // One that was not checked before; each fault is named then.
      if (keys.length === 0 && isRasenError(error) && error.kind === 'usage')
        (await loadConfigBundle()).checkedSpec(given.spec);
      if (keys.length === 0 || tries === TRIES_MAX || keys.some(({ path }) => path[0] !== 'spec'))
        throw error;
      const { specWithout } = await loadConfigBundle();
      let spec = given.spec as TaskSpec;
      for (const { path, key } of keys) spec = specWithout(spec, { path: path.slice(1), key }) ?? spec;
      // Refused again, the answer names those that matter, and no other.
      if (spec === given.spec) throw error;
      given = { ...given, spec };
    }
  }
}

/** As a line of the socket, or where that would be too long as a file in the inbox. */
async function hand(link: Link, params: Params<'task.run'>): Promise<Result<'task.run'>> {
  const text = JSON.stringify(params);
  if (Buffer.byteLength(text) + FRAME_BYTES < LIMITS.max_frame_in_bytes)
    return await link.persist(client => client.call('task.run', params), { starts: true });
  const { id } = params.spec;
  const home = await homeOfSupervisor(link);
  const kept = await putInInbox(home, id, 'order', [Buffer.from(text)]);
  if (!kept) throw usage('The command, its environment and its arguments are larger than a task may be.');
  try {
    const { sha256 } = kept;
    return await link.persist(
      client => client.call('task.submit', { id, sha256 }, { timeout_ms: LARGE_MS }),
      { starts: true },
    );
  } finally {
    removeFromInbox(home, id, 'order');
  }
}

/** The folder of its state, as it knows it: the service may have another one than this shell would. */
export async function homeOfSupervisor(link: Link): Promise<string> {
  const { home } = await link.persist(client => client.call('daemon.status', {}), { starts: true });
  return home;
}
