/** The port of a service, before it is started: found or checked, so that nobody else is taken for it. */
import { RasenError } from '../../contract/errors.ts';
import { nameOf } from '../../engine/needs.ts';
import { portsOf, portWritten, serviceOf } from '../../engine/service.ts';
import type { Step, TaskState } from '../../engine/state.ts';
import { freePortFor, holderOf, isFree } from '../../host/ports.ts';
import type { EffectContext } from './context.ts';

/** null: none is known. Throws `config` for one that is taken, and says by whom. */
export async function portFor(
  { places }: Pick<EffectContext, 'places'>,
  state: TaskState,
  step: Step,
): Promise<number | null> {
  const service = serviceOf(state, step);
  const known = step.service?.port ?? portWritten(service);
  const port =
    service.port === 'auto' && known === null
      ? await chosen(state, step, state.workspace === null ? state.spec.project : places.root(state, step))
      : known;
  for (const wanted of portsOf(service, port)) if (!(await isFree(wanted))) throw taken(state, step, wanted);
  return port;
}

/** Ports of this task that are not in use yet are given away, too. */
async function chosen(state: TaskState, step: Step, folder: string): Promise<number> {
  const others = new Set(
    state.steps.flatMap(s =>
      s.kind === 'service' ? (s.service?.port ?? portWritten(serviceOf(state, s)) ?? []) : [],
    ),
  );
  const port = await freePortFor(`${folder}\n${nameOf(step)}`, others);
  if (port !== null) return port;
  throw new RasenError('config', `no free port was found for ${nameOf(step)}`, {
    hint: 'Write one: port: 3000',
  });
}

function taken({ id }: TaskState, step: Step, port: number): RasenError {
  const holder = holderOf(port);
  const by =
    holder === null
      ? 'by another program'
      : `by process ${holder.pid}${holder.name ? ` (${holder.name})` : ''}`;
  const end = holder === null ? 'End what listens there' : `End it (kill ${holder.pid})`;
  return new RasenError('config', `port ${port} of ${nameOf(step)} is taken ${by}`, {
    hint: `${end} or write another port, then: rasen resume ${id}`,
    data: { port, ...(holder ? { pid: holder.pid } : {}) },
  });
}
