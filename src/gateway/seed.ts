/**
 * `/api`: the addresses of Remote Developer, so that its curl lines work with a token. Whether a task is alive is asked
 * of the operating system; nothing here reads a file of a task.
 */
import { isAbsolute } from 'node:path';
import type { Hono } from 'hono';
import * as z from 'zod';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import { RasenError } from '../contract/errors.ts';
import type { LogRecord } from '../contract/methods/log.follow.ts';
import type { Report } from '../contract/report.ts';
import type { TaskView } from '../contract/view.ts';
import { git } from '../git/run.ts';
import { followLog, readLog } from './follow.ts';
import { type Ctx, checked, type Env, goneSignal, need, readJson } from './request.ts';
import { type AppParts, stream, submitOrder } from './v1.ts';
import type { Principal } from './who.ts';

/** Of one call; a list asks until it has all. */
const LIST_MAX = 1000;
const LOG_BYTES_MAX = 4 * 1024 * 1024;

const createTask = z.strictObject({
  github_repo: z.string().min(1).max(2000).describe('URL, owner/name, or a folder on this machine.'),
  task_description: z.string().min(1).max(200_000),
  github_token: z.string().max(500).optional(),
  devpod_name: z.string().max(200).optional(),
  agent: z.enum(AGENT_PROGRAMS).optional(),
  plan: z.unknown().optional(),
});

export function addSeed(app: Hono<Env>, parts: AppParts): void {
  const { guard, upstream, forge } = parts;
  const projects = new Origins();
  const get = (who: Principal, task: string) => upstream.call<TaskView>(who, 'task.get', { task });
  const list = async (c: Ctx) => {
    const who = await need(guard, c, 'read');
    const views: TaskView[] = [];
    let more = true;
    while (more) {
      const last = views.at(-1);
      const older = await upstream.call<TaskView[]>(who, 'task.list', {
        limit: LIST_MAX,
        ...(last ? { before: last.id } : {}),
      });
      views.push(...older);
      more = older.length === LIST_MAX;
    }
    return await Promise.all(views.map(async view => taskOf(view, await projects.of(view.project))));
  };

  app.post('/api/create-task', async c => {
    const who = await need(guard, c, 'submit');
    const asked = checked(createTask, await readJson(c.env.incoming));
    if (asked.devpod_name)
      throw new RasenError('usage', `There is no sandbox profile "${asked.devpod_name}".`, {
        hint: 'Leave devpod_name out: what an agent may reach is set by `sandbox` in rasen.yml(5).',
      });
    const place = isAbsolute(asked.github_repo)
      ? { project: asked.github_repo }
      : { repository: asked.github_repo };
    const key = c.req.header('Idempotency-Key');
    const { task } = await submitOrder(
      {
        ...place,
        goal: asked.task_description,
        ...(asked.agent === undefined ? {} : { agent: asked.agent }),
        ...(asked.plan === undefined ? {} : { plan: asked.plan }),
        ...(key === undefined ? {} : { key }),
      },
      who,
      parts,
      asked.github_token || undefined,
    );
    return c.json({ task_id: task.id, status: task.status }, 202, {
      Location: `/api/task-status/${task.id}`,
    });
  });

  app.get('/api/tasks', async c => {
    const tasks = await list(c);
    return c.json({ tasks, total: tasks.length });
  });
  app.get('/api/tasks/by-repo', async c => {
    return c.json({ repositories: Object.groupBy(await list(c), task => task.github_repo) });
  });
  app.get('/api/tasks/repo/:repo{.+}', async c => {
    const repo = c.req.param('repo');
    const tasks = (await list(c)).filter(
      task => task.github_repo === repo || shortName(task.github_repo) === repo,
    );
    return c.json({ repo, tasks, total: tasks.length });
  });
  app.get('/api/repository-stats', async c => {
    const stats = new Map<string, Record<string, number>>();
    for (const { github_repo, status, is_running } of await list(c)) {
      const row = stats.get(github_repo) ?? { total: 0, running: 0 };
      row.total = (row.total ?? 0) + 1;
      if (is_running) row.running = (row.running ?? 0) + 1;
      if (status !== 'running') row[status] = (row[status] ?? 0) + 1;
      stats.set(github_repo, row);
    }
    return c.json({ repositories: [...stats].map(([github_repo, row]) => ({ github_repo, ...row })) });
  });
  app.get('/api/dashboard', async c => {
    const who = await need(guard, c, 'read');
    const tasks = await list(c);
    const { totals, ...report } = await upstream.call<Report>(who, 'task.report', {});
    const needs = report.tasks.filter(task => task.needs_you).map(({ id, next }) => ({ task_id: id, next }));
    return c.json({ totals, running: tasks.filter(task => task.is_running).length, needs_you: needs });
  });

  app.get('/api/task-status/:id', async c => {
    const view = await get(await need(guard, c, 'read'), c.req.param('id'));
    return c.json(taskOf(view, await projects.of(view.project)));
  });
  app.get('/api/task/:id/check-alive', async c => {
    const view = await get(await need(guard, c, 'read'), c.req.param('id'));
    const live = liveAttempt(view);
    return c.json({
      task_id: view.id,
      is_alive: live !== null,
      thread_info: live && { thread_name: live.name, started_at: live.started_at, is_alive: true },
      task_status: view.status,
    });
  });
  app.get('/api/task/:id/logs', async c => {
    const who = await need(guard, c, 'read');
    const params = {
      task: c.req.param('id'),
      lines: checked(z.coerce.number().int().min(0).max(100_000), c.req.query('lines') ?? 1000),
    };
    const from = c.req.query('cursor');
    const { records, cursor, ended } = await readLog(
      { upstream, who, params },
      from,
      LOG_BYTES_MAX,
      goneSignal(c),
    );
    return c.json({ task_id: params.task, logs: records.map(logOf), cursor, ended });
  });
  app.get('/api/task-logs/:id/stream', async c => {
    const who = await need(guard, c, 'read');
    const view = await get(who, c.req.param('id'));
    const from = c.req.header('Last-Event-ID') || c.req.query('last_event_id') || undefined;
    return await stream(c, who, parts, writer =>
      followLog({
        ...{ upstream, who, writer, from, params: { task: view.id } },
        render: records => ({ data: { logs: records.map(logOf) } }),
      }),
    );
  });

  app.post('/api/task/:id/continue', async c => {
    const body = checked(continueBody, await readJson(c.env.incoming));
    const text = body.answer ?? body.message;
    const who = await need(guard, c, text === undefined ? 'control' : 'decide');
    const task = c.req.param('id');
    const op = c.req.header('Idempotency-Key') ?? crypto.randomUUID();
    if (text === undefined) await upstream.call(who, 'task.resume', { task, op });
    else await upstream.call(who, 'task.answer', { task, text, op });
    return c.json(statusOf(await get(who, task)));
  });
  app.post('/api/task/:id/commit', async c => {
    const who = await need(guard, c, 'decide');
    const { commit_message } = checked(commitBody, await readJson(c.env.incoming));
    const view = await get(who, c.req.param('id'));
    const pushed = await forge.push(view, commit_message ?? view.goal, who);
    return c.json({ task_id: view.id, success: true, ...pushed });
  });
  const createPr = async (c: Ctx, task: string, body: Record<string, unknown>) => {
    const who = await need(guard, c, 'decide');
    const { pr_title, pr_body, pr_description, base_branch, github_token } = checked(prBody, body);
    const view = await get(who, task);
    const pull = await forge.openPullRequest(view, who, {
      ...{ title: pr_title, body: pr_body ?? pr_description, base: base_branch, token: github_token },
    });
    return c.json({ task_id: view.id, success: true, pr_url: pull.url, pr_number: pull.number, ...pull });
  };
  app.post('/api/task/:id/create-pr', async c =>
    createPr(c, c.req.param('id'), await readJson(c.env.incoming)),
  );
  app.post('/api/create-pr', async c => {
    const { task_id, ...body } = await readJson(c.env.incoming);
    return await createPr(c, checked(z.string().min(1), task_id), body);
  });
}

const continueBody = z.strictObject({
  answer: z.string().min(1).max(20_000).optional(),
  message: z.string().min(1).max(20_000).optional(),
});
const commitBody = z.strictObject({ commit_message: z.string().min(1).max(10_000).optional() });
const prBody = z.strictObject({
  pr_title: z.string().min(1).max(250).optional(),
  pr_body: z.string().max(60_000).optional(),
  pr_description: z.string().max(60_000).optional(),
  base_branch: z.string().min(1).max(250).optional(),
  github_token: z.string().min(1).max(500).optional(),
});

function taskOf(view: TaskView, github_repo: string) {
  const { id, goal, created_at, last_activity, ...rest } = view;
  return {
    task_id: id,
    github_repo,
    task_description: goal,
    is_running: liveAttempt(view) !== null,
    created_at,
    last_updated: last_activity,
    ...rest,
  };
}

const statusOf = ({ id, status, reason }: TaskView) => ({ task_id: id, status, reason });

/** The attempt whose process is there now. */
function liveAttempt({ id, subtasks }: TaskView): { name: string; started_at: string | null } | null {
  for (const { id: step, attempt } of subtasks)
    if (attempt?.pid != null && isThere(attempt.pid))
      return { name: `${id}/${step}/${attempt.n}`, started_at: attempt.started_at };
  return null;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const logOf = ({ t, level, text, subtask, attempt }: LogRecord) => ({
  timestamp: t,
  level: level ?? 'INFO',
  message: text.replace(/\n$/, ''),
  step: subtask === null ? null : `${subtask}/${attempt}`,
});

/** Where each project comes from; it does not change. */
class Origins {
  readonly #known = new Map<string, Promise<string>>();

  of(project: string): Promise<string> {
    const known = this.#known.get(project) ?? originOf(project);
    this.#known.set(project, known);
    return known;
  }
}

async function originOf(cwd: string): Promise<string> {
  const found = await git(['config', '--get', 'remote.origin.url'], {
    cwd,
    reads: true,
    ok: [0, 1, 128],
  }).catch(() => null);
  // A remote of the user's own making may have a password in it.
  return found?.stdout.trim().replace(/\/\/[^@/]*@/, '//') || cwd;
}

const shortName = (url: string) =>
  url
    .replace(/\.git$/, '')
    .split(/[/:]/)
    .slice(-2)
    .join('/');
