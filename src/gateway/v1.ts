/** `/v1`: every method of the protocol, and what a page needs beside it. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Hono } from 'hono';
import * as z from 'zod';
import { isRasenError } from '../contract/errors.ts';
import type { TaskView } from '../contract/view.ts';
import { git } from '../git/run.ts';
import { orderOfGoal } from '../submit/goal.ts';
import { ulid } from '../util/ulid.ts';
import { followEvents, followLog, readLog } from './follow.ts';
import type { Forge } from './forge.ts';
import type { Guard } from './guard.ts';
import { openApi } from './openapi.ts';
import { type Order, type OrderParts, order, type Submitted, submitGoal } from './orders.ts';
import { Refused } from './problem.ts';
import { parseRepository, type Repositories } from './repositories.ts';
import { type Ctx, checked, type Env, goneSignal, need, readJson } from './request.ts';
import { HIDDEN_PARAMS, paramsOfQuery, ROUTES, type Route } from './routes.ts';
import type { Sessions } from './sessions.ts';
import { EventWriter } from './sse.ts';
import type { Upstream } from './upstream.ts';
import type { Principal } from './who.ts';

export interface AppParts {
  upstream: Upstream;
  guard: Guard;
  sessions: Sessions;
  repositories: Repositories;
  forge: Forge;
  orders: OrderParts;
}

const CALL_MS = 60_000;
/** Gates of a merge have limits of their own; a wait ends when its caller says. */
const PATIENT: ReadonlySet<string> = new Set([
  'task.merge',
  'task.cancel_merge',
  'task.wait',
  'task.rollback',
]);
const LOG_BYTES_MAX = 4 * 1024 * 1024;
const LOG_LINES = 1000;
const DIFF_BYTES_MAX = 2 * 1024 * 1024;
const PAGE_MAX = 1000;
const PAGE = 100;

export function addV1(app: Hono<Env>, parts: AppParts): void {
  const { guard, upstream, sessions } = parts;
  app.get('/v1/openapi.json', async c => {
    await need(guard, c, 'read');
    return c.json(openApi());
  });
  app.get('/v1/whoami', async c => {
    const { by, name, scopes } = await need(guard, c, 'read');
    return c.json({ by, name, scopes: [...scopes] });
  });
  app.get('/v1/sessions', async c => {
    await need(guard, c, 'read');
    return c.json(sessions.list());
  });
  app.post('/v1/sessions/:name/revoke', async c => {
    await need(guard, c, 'decide');
    if (!sessions.revoke(c.req.param('name'))) throw new Refused('not_found', 'There is no such session.');
    return c.body(null, 204);
  });
  app.post('/v1/tasks/preview', async c => {
    await need(guard, c, 'submit');
    const { repository, project, ...goal } = checked(order, await readJson(c.env.incoming));
    if (repository !== undefined) parseRepository(repository);
    const folder = project ?? process.cwd();
    const { spec } = await orderOfGoal(parts.orders, { ...goal, folder });
    const { plan, gates, setup, agents, limits, workspace } = spec;
    return c.json({ plan, gates, setup, agents, limits, workspace });
  });
  app.get('/v1/tasks/:task/diff', async c => {
    const who = await need(guard, c, 'read');
    return await answerDiff(c, await upstream.call(who, 'task.get', { task: c.req.param('task') }));
  });
  app.post('/v1/tasks/:task/push', async c => {
    const who = await need(guard, c, 'decide');
    const { message } = checked(pushBody, await readJson(c.env.incoming));
    const view = await upstream.call<TaskView>(who, 'task.get', { task: c.req.param('task') });
    return c.json(await parts.forge.push(view, message ?? null, who));
  });
  app.post('/v1/tasks/:task/pull-request', async c => {
    const who = await need(guard, c, 'decide');
    const asked = checked(pullRequestBody, await readJson(c.env.incoming));
    const view = await upstream.call<TaskView>(who, 'task.get', { task: c.req.param('task') });
    return c.json(await parts.forge.openPullRequest(view, who, asked));
  });
  for (const route of ROUTES) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    app.on(route.verb, path, c => answer(c, route, parts));
  }
  // One task of the stream of all.
  app.get('/v1/tasks/:task/events', async c => {
    const who = await need(guard, c, 'read');
    return await taskEvents(c, who, parts);
  });
}

const pushBody = z.strictObject({ message: z.string().min(1).max(10_000).optional() });
export const pullRequestBody = z.strictObject({
  title: z.string().min(1).max(250).optional(),
  body: z.string().max(60_000).optional(),
  base: z.string().min(1).max(250).optional(),
  token: z.string().min(1).max(500).optional(),
});

async function answer(c: Ctx, route: Route, parts: AppParts): Promise<Response> {
  const { method, ref, has_op } = route;
  const { name } = method;
  const params: Record<string, unknown> =
    route.verb === 'GET'
      ? paramsOfQuery(new URL(c.req.url).searchParams, route.schema)
      : await readJson(c.env.incoming);
  // To leave out judges is to approve in their place.
  const skips = Array.isArray(params.skip) && params.skip.length > 0;
  const who = await need(parts.guard, c, skips ? 'decide' : route.scope);
  const hidden = Object.keys(params).find(key => HIDDEN_PARAMS.has(key));
  if (hidden !== undefined) throw new Refused('forbidden', `"${hidden}" is not answered over HTTP.`);
  if (ref !== null) params[ref] = c.req.param(ref as never);
  if (has_op) params.op ??= c.req.header('Idempotency-Key') ?? crypto.randomUUID();
  if (name === 'task.run') return await submit(c, params, who, parts);
  if (name === 'task.list') return await listTasks(c, params, who, parts.upstream);
  if (name === 'log.follow') return await log(c, params as { task: string }, who, parts);
  if (name === 'event.follow') return await events(c, who, parts);
  const wanted = checked(method.params, params);
  const result = await parts.upstream.call(who, name, wanted, {
    timeout_ms: PATIENT.has(name) ? null : CALL_MS,
    // What changes something goes on when its caller has gone.
    ...(route.verb === 'GET' ? { signal: goneSignal(c) } : {}),
  });
  return c.json(result as object);
}

/** A whole spec, or an order in words. */
async function submit(
  c: Ctx,
  params: Record<string, unknown>,
  who: Principal,
  parts: AppParts,
): Promise<Response> {
  const key = c.req.header('Idempotency-Key');
  const { created, task, notes } =
    'spec' in params
      ? await parts.upstream.call<Submitted>(who, 'task.run', { env: {}, ...withKey(params, key) })
      : await submitOrder(checked(order, { ...(key === undefined ? {} : { key }), ...params }), who, parts);
  return c.json({ created, task, notes }, created ? 202 : 200, { Location: `/v1/tasks/${task.id}` });
}

function withKey(params: Record<string, unknown>, key: string | undefined): Record<string, unknown> {
  return key === undefined ? params : { ...params, spec: { key, ...(params.spec as object) } };
}

export async function submitOrder(
  { project, repository, ...goal }: Order,
  who: Principal,
  { orders, repositories, upstream }: AppParts,
  credential?: string,
): Promise<Submitted> {
  if (repository === undefined) return await submitGoal(orders, who, { ...goal, folder: project! });
  const { key } = goal;
  const make = async () => {
    const id = key === undefined ? ulid() : repositories.idFor(key);
    if (key !== undefined) {
      const task = await known(upstream, who, id);
      if (task) return { created: false, task, notes: [] };
    }
    const folder = await repositories.checkout(parseRepository(repository), id, credential);
    try {
      return await submitGoal(orders, who, { ...goal, folder, id });
    } catch (error) {
      repositories.forget(id);
      throw error;
    }
  };
  return key === undefined ? await make() : await repositories.once(key, make);
}

async function known(upstream: Upstream, who: Principal, task: string): Promise<TaskView | null> {
  try {
    return await upstream.call<TaskView>(who, 'task.get', { task });
  } catch (error) {
    if (isRasenError(error) && error.kind === 'task_unknown') return null;
    throw error;
  }
}

/** Newest first; `cursor` is the id of the last one that was seen, so a list is stable while tasks come. */
async function listTasks(
  c: Ctx,
  params: Record<string, unknown>,
  who: Principal,
  upstream: Upstream,
): Promise<Response> {
  const { cursor, limit = PAGE, ...filter } = params as { cursor?: string; limit?: number };
  const page = checked(z.int().min(1).max(PAGE_MAX), limit);
  const from = cursor === undefined ? {} : { before: cursor };
  const signal = goneSignal(c);
  const shown = await upstream.call<TaskView[]>(
    who,
    'task.list',
    { ...filter, ...from, limit: page },
    { signal },
  );
  const last = shown.at(-1);
  if (shown.length < page || !last) return c.json(shown);
  const older = { ...filter, before: last.id, last_output: false, limit: 1 };
  if ((await upstream.call<TaskView[]>(who, 'task.list', older, { signal })).length > 0) {
    const url = new URL(c.req.url);
    url.searchParams.set('cursor', last.id);
    c.header('Link', `<${url.pathname}${url.search}>; rel="next"`);
  }
  return c.json(shown);
}

const wantsStream = (c: Ctx) => (c.req.header('Accept') ?? '').includes('text/event-stream');

/** Browsers cannot set it the first time; a page that was loaded anew gives it as a parameter. */
const lastEventId = (c: Ctx) => c.req.header('Last-Event-ID') || c.req.query('last_event_id') || undefined;

async function log(
  c: Ctx,
  params: Record<string, unknown> & { task: string },
  who: Principal,
  parts: AppParts,
) {
  const { upstream } = parts;
  const { last_event_id: _, follow, ...rest } = params as Record<string, unknown> & { task: string };
  const from = lastEventId(c);
  const wanted = checked(logParams, { ...rest });
  const task = rest.task;
  if (!wantsStream(c) && follow !== true) {
    const lines = wanted.lines ?? LOG_LINES;
    return c.json(
      await readLog(
        { upstream, who, params: { ...wanted, task, lines } },
        from,
        LOG_BYTES_MAX,
        goneSignal(c),
      ),
    );
  }
  return await stream(
    c,
    who,
    parts,
    async writer => {
      await followLog({ upstream, who, params: { ...wanted, task }, from, writer });
    },
    () => upstream.call(who, 'task.get', { task }),
  );
}

const logParams = z.looseObject({ lines: z.int().min(0).max(100_000).optional() });

async function events(c: Ctx, who: Principal, parts: AppParts): Promise<Response> {
  const { upstream } = parts;
  return await stream(c, who, parts, writer => followEvents({ upstream, who, from: lastEventId(c), writer }));
}

/** The journal of one task: as JSON what is there, or as a stream what comes, too. */
async function taskEvents(c: Ctx, who: Principal, parts: AppParts): Promise<Response> {
  const { upstream } = parts;
  const task = c.req.param('task')!;
  let after = checked(z.coerce.number().int().min(0), lastEventId(c) ?? c.req.query('after') ?? 0);
  const ask = (follow: boolean, show: (event: { seq: number }) => unknown, signal: AbortSignal) =>
    upstream.stream(
      who,
      'event.follow',
      () => ({ task, after, follow }),
      async (_method, data: { events: { seq: number }[] }) => {
        for (const event of data.events) {
          if (event.seq <= after) continue;
          after = event.seq;
          await show(event);
        }
      },
      signal,
    );
  if (!wantsStream(c)) {
    const found: unknown[] = [];
    await ask(false, event => found.push(event), goneSignal(c));
    return c.json({ events: found, after });
  }
  return await stream(
    c,
    who,
    parts,
    async writer => {
      await ask(
        true,
        event => writer.send({ id: String(event.seq), event: 'event', data: event }),
        writer.gone,
      );
      await writer.send({ event: 'end', data: {} });
    },
    () => upstream.call(who, 'task.get', { task }),
  );
}

/** How often it is looked whether who reads may still do so. */
const REVOKED_MS = 2000;

/**
 * `first`: what is asked before the head of the answer is sent, so that an error has a status. What goes wrong later
 * is told as an event `problem`; the reader comes back with its cursor.
 */
export async function stream(
  c: Ctx,
  who: Principal,
  { guard }: Pick<AppParts, 'guard'>,
  follow: (writer: EventWriter) => Promise<void>,
  first?: () => Promise<unknown>,
): Promise<Response> {
  await first?.();
  const { incoming, outgoing } = c.env;
  const writer = new EventWriter(outgoing);
  const watch = setInterval(() => {
    if (!guard.isStill(who, incoming)) writer.close();
  }, REVOKED_MS);
  void follow(writer)
    .catch(error => (writer.gone.aborted ? undefined : writer.sendProblem(error)))
    .finally(() => {
      clearInterval(watch);
      writer.close();
    });
  return RESPONSE_ALREADY_SENT;
}

async function answerDiff(c: Ctx, { project: cwd, base, commit, id }: TaskView): Promise<Response> {
  if (base === null || commit === null) throw new Refused('not_found', `Task ${id} has no commits yet.`);
  const { stdout, cut } = await git(
    ['diff', '--no-ext-diff', '--no-textconv', '--stat', '--patch', base, commit, '--'],
    {
      ...{ cwd, reads: true, max_bytes: DIFF_BYTES_MAX, cut: true },
    },
  );
  return c.body(stdout, 200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Disposition': `attachment; filename="${id}.diff"`,
    ...(cut ? { 'X-Rasen-Cut': 'true' } : {}),
  });
}
