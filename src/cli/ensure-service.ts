/** A service of a folder, found or started, and waited for until it is ready. */
import { EXIT, isRasenError, RasenError } from '../contract/errors.ts';
import { READY_SECONDS } from '../contract/service-words.ts';
import { shellLine } from '../engine/shell-word.ts';
import type { Result, TaskView } from '../index.ts';
import type { Order } from '../submit/order.ts';
import type { Context } from './context.ts';
import { usage } from './errors.ts';
import type { Link } from './link.ts';
import { oneLine } from './output.ts';
import { orderHere, submit } from './submit.ts';
import { waitTasks } from './wait-task.ts';

export interface EnsureOptions {
  ready?: Record<string, unknown>;
  port?: string;
  timeout?: number;
  restart?: string;
  env?: string[];
}

const LOOK = { tcp: 'PORT', http: 'URL', line: 'TEXT', file: 'PATH', command: 'LINE' } as const;
/** Time for the word that it is not ready to come here. */
const SLACK_MS = 3000;
const HASH_CHARS = 16;
const REASON_CHARS = 2000;
/** Tasks of a folder that are looked at. */
const TASKS_MAX = 1000;

/** `tcp=5432` as a file of subtasks has it. Throws usage. */
export function readyOf(text: string): Record<string, unknown> {
  const [, kind = '', value = ''] = /^(\w+)=(.+)$/s.exec(text) ?? [];
  if (!Object.hasOwn(LOOK, kind))
    throw usage(
      `--ready: "${text}" is not one of ${Object.entries(LOOK)
        .map(([word, what]) => `${word}=${what}`)
        .join(', ')}.`,
    );
  if (kind === 'http' && value.startsWith('/')) return { http: `http://127.0.0.1:\${PORT}${value}` };
  return { [kind]: kind === 'command' ? ['/bin/sh', '-c', value] : value };
}

/** Where a service is looked for, and by whom. */
export interface ServicePlace {
  link: Link;
  /** Where it runs; absolute. */
  folder: string;
  /** Of the service, as whoever asks would have it. */
  order(settings: Readonly<Record<string, unknown>>): Promise<Order> | Order;
  submit(order: Order): Promise<Result<'task.run'>>;
  /** Why it is not ready yet. */
  note(text: string): void;
  /** Longest wait, whatever time it may take to get ready. */
  patience_ms?: number;
  signal?: AbortSignal;
}

export async function ensureService(
  context: Context,
  name: string,
  command: string[],
  options: EnsureOptions,
): Promise<number> {
  const place: ServicePlace = {
    link: context.link,
    folder: context.cwd,
    order: settings => orderHere(context, { service: name, command, settings }, { env: options.env }),
    submit: order => submit(context, order),
    note: text => context.out.note(text),
  };
  const { view, started } = await serviceUp(place, name, command, options);
  return told(context, name, view, started);
}

/** The service as it is when it is ready, rests, or the time is over. Throws `task_exists` for another one of the name. */
export async function serviceUp(
  place: ServicePlace,
  name: string,
  command: string[],
  options: EnsureOptions,
): Promise<{ view: TaskView; started: boolean }> {
  const { view, started } = await there(place, name, command, settingsOf(options));
  const now = isReady(view) ? view : await untilReady(place, view, options.timeout ?? READY_SECONDS);
  return { view: now, started };
}

function settingsOf({ ready, port, timeout, restart }: EnsureOptions): Record<string, unknown> {
  const isOwn = ready !== undefined && /"(?:tcp|http)":/.test(JSON.stringify(ready));
  const fixed = isOwn && !JSON.stringify(ready).includes('${PORT}');
  const given = port ?? (fixed ? undefined : 'auto');
  const number = given !== undefined && /^\d+$/.test(given) ? Number(given) : given;
  const look = ready ?? (given === undefined ? undefined : { tcp: '${PORT}' });
  return {
    ...(number === undefined ? {} : { port: number }),
    ...(look ? { ready: { ...look, ...(timeout === undefined ? {} : { timeout }) } } : {}),
    ...(look && !('line' in look) ? { health: {} } : {}),
    ...(restart === undefined ? {} : { restart }),
  };
}

/** The task of the service: the one that is there, told to go on where it does not, or a new one. */
async function there(
  place: ServicePlace,
  name: string,
  command: string[],
  settings: Record<string, unknown>,
): Promise<{ view: TaskView; started: boolean }> {
  const order = await place.order(settings);
  const known = await knownService(place, name);
  // One that was given up is nobody's any more.
  const is_other = known !== undefined && known.goal !== order.spec.goal;
  if (known && is_other && known.status !== 'failed') throw another(name, known, command);
  const again = known && !is_other ? await goingOn(place, known) : null;
  if (again) return again;
  const what = await hashOf(JSON.stringify([order.spec.goal, settings]));
  const where = await hashOf(place.folder);
  // A cancelled task stays so, and one that was given up may be a person's to see: the next one has the next key.
  for (let n = 1; ; n++) {
    const key = `ensure/${where}/${name}/${what}/${n}`;
    const { created, task } = await place.submit({ ...order, spec: { ...order.spec, key } });
    if (created) return { view: task, started: true };
    const going = task.status === 'cancelled' ? null : await goingOn(place, task);
    if (going) return going;
  }
}

/** The beginning of the SHA-256 of a text, in hex. By what every runtime has: a client loads no module for it. */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(text));
  return Buffer.from(digest).toString('hex').slice(0, HASH_CHARS);
}

/** The newest task of this folder that is this service and not over for good. */
async function knownService({ link, folder }: ServicePlace, name: string): Promise<TaskView | undefined> {
  const params = { project: folder, limit: TASKS_MAX };
  const tasks = await link.persist(client => client.call('task.list', params), { starts: true });
  return tasks.find(
    ({ name: called, status, subtasks: [only, ...more] }) =>
      called === name && only?.kind === 'service' && more.length === 0 && GOING.has(status),
  );
}

const GOING: ReadonlySet<string> = new Set([
  'pending',
  'running',
  'waiting',
  'interrupted',
  'blocked',
  'failed',
]);

/** What was stopped, or is blocked or given up, is told to go on. null: it was given up, and that is for a person to see. */
async function goingOn(
  { link }: ServicePlace,
  view: TaskView,
): Promise<{ view: TaskView; started: boolean } | null> {
  const op = crypto.randomUUID();
  const { id: task, status } = view;
  const rests = status === 'interrupted' || status === 'blocked';
  if (!rests && status !== 'failed') return { view, started: false };
  try {
    const now = await link.persist(client =>
      rests ? client.call('task.resume', { task, op }) : client.call('task.retry', { task, op }),
    );
    return { view: now, started: true };
  } catch (error) {
    if (status === 'failed' && isRasenError(error) && error.kind === 'not_permitted') return null;
    throw error;
  }
}

function another(name: string, { id, goal, status }: TaskView, command: string[]): RasenError {
  return new RasenError(
    'task_exists',
    `the service ${name} of this folder has another command (${oneLine(goal, 200)}) and is ${status}; nothing was started`,
    {
      hint: `Give it up: rasen cancel ${id}, then ensure ${name} once more. Or choose another name for: ${oneLine(shellLine(command), 200)}`,
      data: { task: id },
    },
  );
}

export const isReady = ({ status, subtasks }: TaskView) =>
  status === 'running' && subtasks[0]?.service?.ready === true;

/** Until it is ready, rests, or the time is over: as it is then. */
async function untilReady(
  { link, note, patience_ms = Number.POSITIVE_INFINITY, signal }: ServicePlace,
  view: TaskView,
  timeout: number,
): Promise<TaskView> {
  const enough = new AbortController();
  const stop = () => enough.abort();
  signal?.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, Math.min(timeout * 1000 + SLACK_MS, patience_ms));
  let now = view;
  let told = '';
  try {
    const [last] = await waitTasks(link, {
      tasks: [view.id],
      through_limits: true,
      signal: enough.signal,
      changed: changed => {
        now = changed;
        const why = changed.subtasks[0]?.reason ?? '';
        if (why !== '' && why !== told && !isReady(changed)) note(indented(why));
        told = why;
        if (isReady(changed)) enough.abort();
      },
    });
    return last ?? now;
  } catch (error) {
    if (enough.signal.aborted && (!isRasenError(error) || error.kind === 'cancelled')) return now;
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** With what it printed last, on lines of their own. */
const indented = (text: string) => text.slice(0, REASON_CHARS).replaceAll('\n', '\n  ');

function told({ out }: Context, name: string, view: TaskView, started: boolean): number {
  const [step] = view.subtasks;
  const url = step?.service?.url ?? null;
  const ready = isReady(view);
  const answer = { id: view.id, name, url, ready, started, status: view.status };
  if (ready) {
    out.note(`${name} is ready${started ? '' : ', and was up already'}`);
    out.reply(answer, () => url ?? '');
    return EXIT.ok;
  }
  if (out.json) out.value(answer);
  const why = indented(view.reason ?? step?.reason ?? step?.history.at(-1)?.reason ?? 'it has begun');
  const rests = view.exit_code !== null;
  out.note(`${name} is not ready${rests ? '' : ' in time, and goes on trying'}: ${why}`);
  out.note(`see what it printed: rasen logs ${view.id}`);
  return view.exit_code ?? EXIT.temporary;
}
