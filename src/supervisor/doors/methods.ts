/**
 * What is answered at the door of a sandbox: handing work over, and what became of it. A session sees its own task and
 * those that were handed over from it, and of triggers those of its project. Everything else is refused and recorded,
 * whatever the control socket would answer.
 */
import { RasenError } from '../../contract/errors.ts';
import { METHODS, type MethodName } from '../../contract/methods/index.ts';
import type { Origin } from '../../contract/origin.ts';
import { invalidParams } from '../../rpc/message.ts';
import type { Handler, RequestContext } from '../../rpc/server.ts';
import type { Guard } from '../guard.ts';
import type { AskContext, Handler as Handle, Serving } from '../handlers/define.ts';
import { HANDLERS } from '../handlers/index.ts';
import type { Entry } from '../registry.ts';
import type { Confine } from './confine.ts';
import type { DoorOf } from './doors.ts';
import { OwnTasks } from './own-tasks.ts';

export interface DoorParts {
  serving: Serving;
  guard: Pick<Guard, 'refuse'>;
  confine: Confine;
}

/** How a request of the control socket is asked here: the same, for what a session may see. */
type Narrowed = (params: never, own: OwnTasks, parts: DoorParts, of: DoorOf) => Promise<unknown> | unknown;

type Params<N extends MethodName> = Parameters<Handle<N>>[0];
const narrow = <N extends MethodName>(
  to: (params: Params<N>, own: OwnTasks, parts: DoorParts, of: DoorOf) => Promise<Params<N>> | Params<N>,
) => to as unknown as Narrowed;

const OPEN: Partial<Record<MethodName, Narrowed>> = {
  'task.run': narrow<'task.run'>((params, own, { confine }, of) => confine(params, own, of)),
  'task.get': narrow<'task.get'>(({ task }, own) => ({ task: own.resolve(task).id })),
  'task.wait': narrow<'task.wait'>(({ tasks, ...rest }, own) => ({
    ...rest,
    tasks: tasks.map(task => own.resolve(task).id),
  })),
  'task.stop': narrow<'task.stop'>(({ task, ...rest }, own) => ({ ...rest, task: own.handed(task).id })),
  // A service that was stopped is up again when it is asked for. What is blocked needs a person, and so do judges left out.
  'task.resume': narrow<'task.resume'>(({ task, op }, own) => {
    const entry = own.handed(task);
    if ((entry.state?.status.name ?? entry.rest?.status) === 'blocked')
      throw notHere('what is blocked waits for a person');
    return { task: entry.id, skip: [], op };
  }),
  'log.follow': narrow<'log.follow'>(({ task, raw, ...rest }, own) => {
    if (raw) throw notHere('the values of secrets are not shown');
    return { ...rest, raw, task: own.resolve(task).id };
  }),
  'trigger.list': narrow<'trigger.list'>((params, own) => ({ ...params, project: own.project })),
  'trigger.log': narrow<'trigger.log'>((params, own, { serving }) => {
    const { id, project } = serving.trigger_reader.get(params.trigger);
    if (project !== own.project)
      throw new RasenError('trigger_unknown', `no trigger "${params.trigger}" in ${own.project}`);
    return { ...params, trigger: id };
  }),
};

export function doorMethods(parts: DoorParts, of: DoorOf): ReadonlyMap<string, Handler> {
  const { serving, guard } = parts;
  const own = new OwnTasks(serving.registry, of.task);
  const origin: Origin = { via: 'mcp', task: of.task, attempt: `${of.step}/${of.n}` };
  const table = METHODS.map(({ name, params: schema }): [string, Handler] => [
    name,
    async (params, context) => {
      if (name === 'task.list') return listed(parse(schema, params), own, serving, context);
      const to = OPEN[name as MethodName];
      if (!to) throw await guard.refuse(name, own.entry(), origin);
      const narrowed = await to(parse(schema, params) as never, own, parts, of);
      const handle = HANDLERS[name as MethodName] as Handle<MethodName>;
      return await handle(narrowed as never, serving, Object.assign(context, { origin }) as AskContext);
    },
  ]);
  return new Map(table);
}

function parse(schema: (typeof METHODS)[number]['params'], params: unknown): unknown {
  const parsed = schema.safeParse(params ?? {});
  if (parsed.success) return parsed.data;
  throw invalidParams(
    parsed.error.issues.map(({ path, message, code }) => ({ path: path.map(String), message, code })),
  );
}

/** One after the other: the list of all tasks is none of a session's, nor how many there are. */
async function listed(filter: unknown, own: OwnTasks, { reader }: Serving, context: RequestContext) {
  context.signal.throwIfAborted();
  const { status, project, before, limit, last_output } = filter as Params<'task.list'>;
  const only = new Set(own.all().map(({ id }: Entry) => id));
  return await reader.list({ ...(status && { status }), project, before, limit, last_output }, only);
}

function notHere(why: string): RasenError {
  return new RasenError('not_permitted', `At the door of a sandbox ${why}.`);
}
