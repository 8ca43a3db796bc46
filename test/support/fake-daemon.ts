/**
 * A supervisor that only says what a test tells it: the real socket and protocol, methods from a table. For tests of
 * the command line that need answers or failures which the real one gives only by chance.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskView } from '../../src/index.ts';
import { instancePaths, type Paths } from '../../src/paths.ts';
import { type Handler, type RequestContext, type RpcServer, startServer } from '../../src/rpc/server.ts';

// biome-ignore lint/suspicious/noExplicitAny: each method has params of its own, and a fake trusts its test.
export type FakeMethod = (params: any, context: RequestContext) => unknown;

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export class FakeDaemon {
  readonly home = mkdtempSync(join(tmpdir(), 'rasen-cli-'));
  readonly paths: Paths = instancePaths({ RASEN_HOME: this.home });
  readonly methods: Record<string, FakeMethod>;
  /** Every request, in order. */
  readonly calls: { method: string; params: unknown }[] = [];
  #server: RpcServer | undefined;

  constructor(methods: Record<string, FakeMethod>) {
    this.methods = methods;
  }

  async start(): Promise<void> {
    const handlers = new Map<string, Handler>();
    for (const name of Object.keys(this.methods))
      handlers.set(name, (params, context) => {
        this.calls.push({ method: name, params });
        return this.methods[name]!(params ?? {}, context) as ReturnType<Handler>;
      });
    this.#server = await startServer({
      paths: this.paths,
      methods: handlers,
      server: { name: 'fake', version: '0' },
      log: quiet as never,
    });
  }

  /** Breaks all connections, as a crash does. */
  async crash(): Promise<void> {
    await this.#server?.close(0);
    this.#server = undefined;
  }

  called(method: string): unknown[] {
    return this.calls.filter(call => call.method === method).map(call => call.params);
  }

  async close(): Promise<void> {
    await this.crash();
    rmSync(this.home, { recursive: true, force: true });
  }
}

export const TASK_ID = '01kaaaaaaaaaaaaaaaaaaaaaaa';

/** A task as the seed's documents show it, in the middle of its work. */
export function viewWith(over: Partial<TaskView> = {}): TaskView {
  return {
    id: TASK_ID,
    name: 'auth',
    goal: 'Implement user authentication',
    namesakes: 0,
    status: 'running',
    reason: null,
    why: null,
    resume_at: null,
    retry_at: null,
    notifications: [],
    forgeries: [],
    result: null,
    verified: null,
    verified_but: null,
    exit_code: null,
    pid: 12345,
    iteration: 15,
    max_iterations: 50,
    subtask_id: 'auth-4',
    subtask_description: 'Implement password reset flow',
    current_phase: 'Coding',
    completed_subtasks: 3,
    total_subtasks: 7,
    total_commits: 24,
    last_activity: '2026-01-27T18:45:00.123Z',
    started_at: '2026-01-27T16:30:00.000Z',
    total_duration_seconds: 8100,
    total_input_tokens: 0,
    total_output_tokens: 0,
    total_cost_usd: null,
    total_tokens: 0,
    budgets: [],
    model: null,
    review_enabled: false,
    qa_enabled: false,
    session_timeout: 1800,
    created_at: '2026-01-27T16:30:00.000Z',
    ended_at: null,
    active_seconds: 8100,
    project: '/home/user/project',
    branch: 'rasen/auth-aaaa',
    worktree: '/home/user/project/.worktrees/task-auth-aaaa',
    base: 'a'.repeat(40),
    commit: 'b'.repeat(40),
    merged: null,
    merging: null,
    plan_rev: 1,
    seq: 100,
    notes: [],
    subtasks: [
      subtaskWith({ id: 'auth-3', title: 'Login form', status: 'completed', attempts: 1 }),
      subtaskWith({}),
    ],
    ...over,
  };
}

export function subtaskWith(over: Partial<TaskView['subtasks'][number]>): TaskView['subtasks'][number] {
  return {
    id: 'auth-4',
    title: 'Implement password reset flow',
    description: 'Implement password reset flow',
    kind: 'agent',
    status: 'in_progress',
    needs: [],
    attempts: 2,
    reason: null,
    retry_at: null,
    commit: null,
    attempt: null,
    history: [],
    ...over,
  };
}

/** A task that is one plain command. */
export function commandView(over: Partial<TaskView> = {}): TaskView {
  const subtasks = [subtaskWith({ id: 'run', title: 'npm test', kind: 'run', attempts: 1 })];
  return viewWith({
    name: 'npm test',
    branch: null,
    total_subtasks: 1,
    completed_subtasks: 0,
    subtasks,
    ...over,
  });
}
