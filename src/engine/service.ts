/** What is known of services: what they were asked for, what an end of one means, and what others find of them. Pure. */
import type { Subtask } from '../contract/plan.ts';
import type { Probe, ServiceSpec } from '../contract/service.ts';
import { MAX_RESTARTS, READY_SECONDS, USUAL_SERVICE } from '../contract/service-words.ts';
import type { Outcome } from '../contract/status.ts';
import { subtaskIn } from './gates-of.ts';
import { jitterMs } from './limit-policy.ts';
import { Needs, nameOf } from './needs.ts';
import type { Verdict } from './retry.ts';
import type { Attempt, ServiceFacts, Step, TaskState } from './state.ts';

export const SERVICE_RETRY = {
  base_ms: 1000,
  max_ms: 60_000,
  /** Ready for so long, it begins anew with the shortest pause. */
  settled_ms: 60_000,
} as const;

/** Ends that are kept: more than any limit looks at. */
export const MAX_FAILED_AT = MAX_RESTARTS + 1;

export const NO_SERVICE: ServiceFacts = { port: null, ready_at: null, starts: 0, failed_at: [], row: 0 };

export const isService = ({ kind }: Pick<Step, 'kind'>): boolean => kind === 'service';

export function serviceOf(state: TaskState, step: Step): ServiceSpec {
  return subtaskIn(state, step)?.service ?? USUAL_SERVICE;
}

/** Ends that are no failure of it: a wish, or the machine. */
const NO_FAILURE: ReadonlySet<Outcome> = new Set(['ok', 'killed', 'startup']);

export const isFailure = (state: TaskState, attempt: Attempt, outcome: Outcome): boolean =>
  !NO_FAILURE.has(outcome) && !(outcome === 'lost' && attempt.boot !== state.boot);

/** When it is started again. What cannot be started at all is for a person to see to. */
export function serviceVerdict(
  state: TaskState,
  step: Step,
  attempt: Attempt,
  outcome: Outcome,
  reason: string | null,
  nowMs: number,
): Verdict {
  const none: Verdict = { retry_at: null, wait: null, block: null };
  if (outcome === 'startup') {
    const message = `${nameOf(step)} could not be started: ${reason ?? 'no reason given'}`;
    return { ...none, block: { why: 'config', message } };
  }
  if (!isFailure(state, attempt, outcome)) return none;
  const ms = Math.min(
    SERVICE_RETRY.max_ms,
    SERVICE_RETRY.base_ms * 2 ** Math.min(rowAfter(step, nowMs) - 1, 10),
  );
  return { ...none, retry_at: new Date(nowMs + ms + jitterMs(attempt, ms)).toISOString() };
}

/** Failures in a row, this one with them. */
export function rowAfter({ service = NO_SERVICE }: Step, nowMs: number): number {
  const settled =
    service.ready_at !== null && nowMs - Date.parse(service.ready_at) >= SERVICE_RETRY.settled_ms;
  return settled ? 1 : service.row + 1;
}

/** Why a service that is not up is given up; null: it is started again. */
export function serviceExhausted(state: TaskState, step: Step): string | null {
  const last = step.history.at(-1);
  const ends = step.service?.failed_at ?? [];
  if (!last || ends.length === 0 || step.status !== 'pending') return null;
  const { restart, max_restarts, window_seconds } = serviceOf(state, step);
  const how = last.reason ?? last.outcome;
  if (restart === 'never') return `${how}; restart is "never"`;
  if (restart === 'on-failure' && /^ended with exit code 0\b/.test(last.reason ?? ''))
    return `ended with exit code 0, and nobody asked for that; "restart: always" starts it again`;
  const from = Date.parse(ends.at(-1)!) - window_seconds * 1000;
  const recent = ends.filter(t => Date.parse(t) >= from).length;
  if (recent <= max_restarts) return null;
  const times =
    max_restarts === 0
      ? 'not to be started again (max_restarts 0)'
      : `started again ${max_restarts} times within ${window_seconds / 60} min`;
  return `${times}, the last: ${how}`;
}

/** How it is looked at until it is ready; null: it is ready when it runs. */
export function readyProbe({ ready, port }: ServiceSpec): Probe | null {
  return ready?.probe ?? (port === null ? null : { kind: 'tcp', address: '${PORT}' });
}

export const readySeconds = ({ ready }: ServiceSpec): number => ready?.timeout_seconds ?? READY_SECONDS;

/** How it is looked at while it is ready; null: it is not. */
export function healthProbe(service: ServiceSpec): Probe | null {
  if (!service.health) return null;
  const probe = service.health.probe ?? readyProbe(service);
  return probe?.kind === 'line' ? null : probe;
}

/** The port is where `${PORT}` is written. */
export const withPort = (text: string, port: number | null): string =>
  port === null ? text : text.replaceAll('${PORT}', String(port));

/** Ports of this machine that it will take: its own, and those at which it is looked for. */
export function portsOf(service: ServiceSpec, port: number | null): number[] {
  const probe = readyProbe(service);
  const written =
    probe?.kind === 'tcp' ? probe.address : probe?.kind === 'http' ? hostOf(probe.url, port) : '';
  const [, host = '', own = ''] = /^(?:(.*):)?(\d+)$/.exec(withPort(written, port)) ?? [];
  const ports = [...(port === null ? [] : [port]), ...(HERE.has(host) && own !== '' ? [Number(own)] : [])];
  return [...new Set(ports)];
}

const HERE: ReadonlySet<string> = new Set(['', 'localhost', '127.0.0.1', '[::1]', '0.0.0.0']);

/** HOST:PORT; empty where the port is not known yet. */
function hostOf(url: string, known: number | null): string {
  const at = parsed(withPort(url, known));
  if (at === null) return '';
  return `${at.hostname}:${at.port || (at.protocol === 'https:' ? 443 : 80)}`;
}

const parsed = (url: string): URL | null => (URL.canParse(url) ? new URL(url) : null);

/** Where it is reached; null: nobody said, or that is not known before it is started. */
export function urlOf(service: ServiceSpec, port: number | null): string | null {
  const probe = service.ready?.probe;
  if (probe?.kind === 'http') return parsed(withPort(probe.url, port))?.origin ?? null;
  if (port !== null) return `http://127.0.0.1:${port}`;
  if (probe?.kind !== 'tcp' || service.port === 'auto') return null;
  return `tcp://${/:/.test(probe.address) ? probe.address : `127.0.0.1:${probe.address}`}`;
}

const nameIn = (id: string) => id.toUpperCase().replace(/[^A-Z0-9]/g, '_');

/** What others find of a service, and it of itself. */
export function envOfService(id: string, service: ServiceSpec, port: number | null): Record<string, string> {
  const url = urlOf(service, port);
  return {
    ...(url === null ? {} : { [`RASEN_URL_${nameIn(id)}`]: url }),
    ...(port === null ? {} : { [`RASEN_PORT_${nameIn(id)}`]: String(port) }),
  };
}

/** Its port, where it is known by now. */
export const portOf = (state: TaskState, step: Step): number | null =>
  step.service?.port ?? portWritten(serviceOf(state, step));

/** What the programs of a step find of the services that they need, and a service of itself. */
export function serviceEnv(state: TaskState, step: Step): Record<string, string> {
  const all = { ...servicesFor(state, step), ...(step.kind === 'service' ? { [nameOf(step)]: step } : {}) };
  const env: Record<string, string> = {};
  for (const [id, service] of Object.entries(all))
    Object.assign(env, envOfService(id, serviceOf(state, service), portOf(state, service)));
  const own = step.kind === 'service' ? portOf(state, step) : null;
  return own === null ? env : { ...env, PORT: String(own) };
}

export const portWritten = ({ port }: ServiceSpec): number | null => (typeof port === 'number' ? port : null);

/** Services that it comes after, also by way of others. */
function servicesFor(state: TaskState, step: Step): Record<string, Step> {
  const found: Record<string, Step> = {};
  const needs = new Needs(state);
  const seen = new Set<Step>();
  const visit = (now: Step) => {
    for (const need of needs.of(now)) {
      if (seen.has(need.step)) continue;
      seen.add(need.step);
      if (need.step.kind === 'service') found[nameOf(need.step)] = need.step;
      visit(need.step);
    }
  };
  visit(step);
  return found;
}

/** The command of a subtask, with the port of its service in it. */
export function commandWithPort(
  step: Step,
  { do: work, service }: Pick<Subtask, 'do' | 'service'>,
): string[] {
  if (!('keep' in work)) return 'run' in work ? work.run : [];
  const port = step.service?.port ?? (service ? portWritten(service) : null);
  return work.keep.map(word => withPort(word, port));
}
