/**
 * A project as a user of RASEN would have it, whose agent is scripted-agent.mjs: real git, real gates, the commands of
 * bin/rasen. For the tests of the seed's stories; each test makes its own, and `close` fails when a process is left.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProject } from '../../src/cli/project.ts';
import { isRasenError } from '../../src/contract/errors.ts';
import type { TaskView } from '../../src/contract/view.ts';
import type { RpcClient } from '../../src/rpc/client.ts';
import { type CliResult, Instance, until } from './instance.ts';

const AGENT = join(import.meta.dirname, 'scripted-agent.mjs');

export interface Claim {
  status?: string;
  summary?: string;
  retry_at?: string;
  retry_after_seconds?: number;
  verdict?: 'approved' | 'changes_requested' | 'rejected';
  issues?: string[];
  followups?: string[];
  memory?: { decisions?: string[]; learnings?: string[] };
  usage?: { input_tokens: number; output_tokens: number };
  plan?: unknown;
}

/**
 * One thing that the agent does. In texts `{subtask}`, `{nth}` (its session) and `{project}` are filled in, and
 * `"{epoch+N}"`: seconds since 1970, N from now. `dump`: its environment, as JSON. `replay` prints a recorded stream of a real agent: `claude/a-happy`.
 */
export type Act =
  | { write: Record<string, string> }
  | { append: Record<string, string> }
  | { remove: string }
  | { commit: string }
  | { git: string[] }
  | { claim: Claim | string }
  | { say: string }
  | { replay: string }
  | { exit: number }
  | { await: string }
  | { hang: { deaf?: boolean; beat?: string } }
  | { child: string }
  | { dump: string }
  | { mcp: [rasen: string, home: string, out: string, calls: string] }
  | Misbehaviour;

/** Acts of misbehaving-agent.mjs; what each of them does is written there. */
export type Misbehaviour =
  | { flood: number }
  | { chatter: true }
  | { spin: number }
  | { server: string }
  | { fork: number }
  | { meddle: Record<string, string> }
  | { ask: string }
  | { index_lock: true }
  | { corrupt_index: true }
  | { orphan: true }
  | { kill: string };

/** Sessions by subtask, or by role for planner and judges; the last one stands for all later ones. `*`: all others. */
export type Script = Record<string, Act[][]>;

export interface SessionSeen {
  key: string;
  nth: number;
  attempt: number;
  role: string;
  model: string | null;
  pid: number;
  cwd: string;
  range: string | null;
  thinking: string;
  /** Its arguments, without the script. */
  argv: string[];
  tmpdir: string | null;
  /** USER, LOGNAME, HOME. */
  user: string[];
  prompt: string;
}

/** What a good agent does: a file named after the subtask, committed, and the claim that it is done. */
export const WORKS: Act[] = [
  { write: { '{subtask}.txt': 'done by session {nth}\n' } },
  { commit: 'feat: {subtask}' },
  { claim: { status: 'done', summary: 'did {subtask}' } },
];
export const CLAIMS: Act[] = [
  { say: 'tests: pass, lint: pass' },
  { claim: { status: 'done', summary: 'tests: pass, lint: pass' } },
];
export const APPROVES: Act[] = [{ claim: { verdict: 'approved', summary: 'good' } }];

/** The gate of the project: no file may say BROKEN. */
const CHECK =
  'for f in *.txt; do if grep -Hn BROKEN "$f"; then echo "a test fails in $f"; exit 1; fi; done; echo all tests pass\n';

export interface ProjectOptions {
  /** Of rasen.yml, over the defaults here; may be made with the command of the scripted agent. */
  config?: Record<string, unknown> | ((command: string[]) => Record<string, unknown>);
  files?: Record<string, string>;
  script?: Script;
  env?: Record<string, string>;
  git?: boolean;
}

export class SeedProject {
  readonly instance: Instance;
  readonly root: string;
  /** Command line of the agent. */
  readonly agent: string[];
  readonly #script: string;

  constructor(options: ProjectOptions = {}) {
    this.instance = new Instance(options.env);
    this.root = join(this.instance.folder, 'p');
    this.#script = join(this.instance.folder, 'script.json');
    this.script(options.script ?? { '*': [WORKS] });
    this.agent = [process.execPath, AGENT, this.#script];
    const config = {
      agent: this.agent,
      gates: [['sh', 'check.sh']],
      orchestrator: { session_delay_seconds: 0 },
      ...(typeof options.config === 'function' ? options.config(this.agent) : options.config),
    };
    this.write({
      'rasen.yml': `${JSON.stringify(config, null, 2)}\n`,
      'check.sh': CHECK,
      'app.txt': 'one\ntwo\nthree\n',
      ...options.files,
    });
    if (options.git === false) return;
    this.git('init', '-q', '-b', 'main');
    this.git('add', '-A');
    this.git('commit', '-q', '-m', 'base');
  }

  script(script: Script): void {
    writeFileSync(this.#script, JSON.stringify(script));
  }

  /** Sessions of the agent so far, in their order. */
  sessions(key?: string): SessionSeen[] {
    return this.sessionsIn(`${this.#script}.log`).filter(s => key === undefined || s.key === key);
  }

  /** Those of another script. */
  sessionsIn(log: string): SessionSeen[] {
    if (!existsSync(log)) return [];
    // The last piece is a line that is being written, or nothing.
    const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
    return lines.map(line => JSON.parse(line) as SessionSeen);
  }

  /** How many sessions have begun; for those who look often, since each is a line with its whole prompt. */
  begun(): number {
    if (!existsSync(`${this.#script}.log`)) return 0;
    let lines = 0;
    for (const byte of readFileSync(`${this.#script}.log`)) if (byte === 10) lines += 1;
    return lines;
  }

  write(files: Record<string, string>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      writeFileSync(join(this.root, path), text);
    }
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  json<T = Record<string, any>>(path: string): T {
    return JSON.parse(this.read(path));
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** SIGKILL to the supervisor, whoever started it, and wait until it is gone. */
  async crash(): Promise<void> {
    const pid = this.instance.pid()!;
    process.kill(pid, 'SIGKILL');
    // The socket too: a process may look dead while its threads still hold it.
    await until('the supervisor is gone', async () => {
      const client = await this.instance.client().catch(() => null);
      client?.close();
      return client === null && !isAlive(pid);
    });
  }

  /** A path outside of the repository, for signals between test and agent. */
  beside(name: string): string {
    return join(this.instance.folder, name);
  }

  git(...args: string[]): string {
    return execFileSync('git', args, {
      cwd: this.root,
      env: this.instance.env,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trimEnd();
  }

  rasen(...args: string[]): Promise<CliResult> {
    return this.instance.rasenAsync(args, { cwd: this.root });
  }

  /** A command that must succeed; gives what it said on stdout. */
  async ok(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.rasen(...args);
    if (status !== 0) throw new Error(`rasen ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** `rasen init`, with a plan if subtasks are given: agent subtasks unless they say `run`. */
  async init(
    subtasks: Record<string, unknown>[] | null,
    task = 'Implement user authentication',
  ): Promise<void> {
    if (subtasks)
      writeFileSync(this.beside('plan.yml'), JSON.stringify({ subtasks: subtasks.map(withDefaults) }));
    await this.ok('init', '--task', task, ...(subtasks ? ['--plan', this.beside('plan.yml')] : []));
  }

  /** With our word for its status, where scripts get the seed's. */
  async view(): Promise<TaskView> {
    const answer = JSON.parse(await this.ok('status', '--format', 'json'));
    return { ...answer, status: answer.state.name };
  }

  /**
   * Waits until a view fits, by the call that `rasen status` makes: a process for each look would take from the work
   * what it waits for.
   */
  async seen(what: string, fits: (view: TaskView) => unknown, timeoutMs?: number): Promise<TaskView> {
    let client: RpcClient | null = null;
    try {
      return await until(
        what,
        async () => {
          const project = findProject(this.root);
          client ??= await this.instance.client().catch(() => null);
          if (!client || !project) return null;
          try {
            const view = await client.call<TaskView>('task.get', { task: project.task.id });
            return fits(view) ? view : null;
          } catch (error) {
            if (!isRasenError(error)) throw error;
            if (error.kind === 'task_unknown') return null;
            // The supervisor may be killed meanwhile.
            client.close();
            client = null;
            return null;
          }
        },
        timeoutMs,
      );
    } finally {
      (client as RpcClient | null)?.close();
    }
  }

  /** Waits for a session of the agent. */
  async session(key: string, nth = 1): Promise<SessionSeen> {
    return until(`session ${nth} of ${key}`, () => this.sessions(key)[nth - 1]);
  }

  status(): Record<string, any> {
    return this.json('.rasen/status.json');
  }

  /** Waits until status.json fits: the views follow the journal, a moment later. */
  async viewed(fits: Record<string, unknown>): Promise<Record<string, any>> {
    return until(`status.json says ${JSON.stringify(fits)}`, () => {
      const now = this.status();
      return Object.entries(fits).every(([key, value]) => now[key] === value) ? now : null;
    });
  }

  /** Waits for a text in rasen.log, and gives all of it. */
  async logged(text: RegExp): Promise<string> {
    return until(`rasen.log has ${text}`, () =>
      this.has('.rasen/rasen.log') && text.test(this.read('.rasen/rasen.log'))
        ? this.read('.rasen/rasen.log')
        : null,
    );
  }

  async close(): Promise<void> {
    await this.instance.close();
  }
}

function withDefaults(subtask: Record<string, unknown>): Record<string, unknown> {
  return {
    title: `Title of ${subtask.id}`,
    description: `Do ${subtask.id}`,
    ...('run' in subtask ? {} : { agent: 'coder' }),
    ...subtask,
  };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie is over; only who started it has not looked yet.
  return !existsSync(`/proc/${pid}/stat`) || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
