/** The port of a service, before it is started: found or checked, so that nobody else is taken for it. */
import { RasenError } from '../../contract/errors.ts';
import { nameOf } from '../../engine/needs.ts';
import { envOfService, portOf, portsOf, serviceEnv, serviceOf } from '../../engine/service.ts';
import type { Step, TaskState } from '../../engine/state.ts';
import { holderOf, isFree } from '../../host/ports.ts';
import type { EffectContext } from './context.ts';
import { recipientOfWork } from './job-env.ts';
import { checkReachable } from './sandboxed.ts';

/** null: none is known. Throws `config` for one that is taken, and says by whom, or that nobody could reach. */
export async function portFor(
  context: Pick<EffectContext, 'places' | 'ports' | 'sandbox'>,
  state: TaskState,
  step: Step,
): Promise<number | null> {
  const { places, ports } = context;
  const service = serviceOf(state, step);
  const known = portOf(state, step);
  const anew =
    service.port === 'auto' && (known === null || (isUntold(state, step) && !(await isFree(known))));
  const folder = state.workspace === null ? state.spec.project : places.root(state, step);
  const port = anew ? await chosen(ports, state, step, folder) : known;
  if (portsOf(service, port).length > 0)
    await checkReachable(context, state, recipientOfWork(state, step), nameOf(step));
  for (const wanted of portsOf(service, port)) if (!(await isFree(wanted))) throw taken(state, step, wanted);
  return port;
}

/** A person has just said go on, and nothing runs that was told of its port. */
function isUntold(state: TaskState, step: Step): boolean {
  const told = Object.keys(envOfService(nameOf(step), serviceOf(state, step), portOf(state, step)));
  const runs = state.steps.filter(({ id, attempt }) => id !== step.id && attempt !== null);
  return (
    (step.service?.starts ?? 0) <= 1 &&
    !runs.some(other => told.some(name => name in serviceEnv(state, other)))
  );
}

async function chosen(
  ports: EffectContext['ports'],
  state: TaskState,
  step: Step,
  folder: string,
): Promise<number> {
  const name = `${folder}\n${nameOf(step)}`;
  const port = await ports.give({ name, task: state.id, service: step.id });
  if (port !== null) return port;
  throw new RasenError('config', `no free port was found for ${nameOf(step)}`, {
    hint: 'Write one: port: 3000',
  });
}

function taken(state: TaskState, step: Step, port: number): RasenError {
  const { id } = state;
  const holder = holderOf(port);
  const by =
    holder === null
      ? 'by another program'
      : `by process ${holder.pid}${holder.name ? ` (${holder.name})` : ''}`;
  const end = holder === null ? 'End what listens there' : `End it (kill ${holder.pid})`;
  return new RasenError('config', `port ${port} of ${nameOf(step)} is taken ${by}`, {
    hint: `${end}${serviceOf(state, step).port === 'auto' ? '' : ' or write another port'}, then: rasen resume ${id}`,
    data: { port, ...(holder ? { pid: holder.pid } : {}) },
  });
}
