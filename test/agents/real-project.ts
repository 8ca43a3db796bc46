/**
 * A project whose agent is a real one, and the model that it speaks with. Nothing of the machine's own is read: HOME is
 * the test's and new, so that nobody has logged in there, trusted a folder or answered a question before. Who wants to
 * speak to anybody but the model is sent to a port where nobody listens.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { errnoOf } from '../../src/contract/errors.ts';
import type { Event, SessionFacts } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/file/layout.ts';
import { marked } from '../support/instance.ts';
import { SeedProject } from '../support/scripted-agent.ts';
import { ModelServer, type Turn } from './model-server.ts';
import { NOWHERE, type Way } from './ways.ts';

const PROXIES = { HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE, ALL_PROXY: NOWHERE, NO_PROXY: '127.0.0.1' };

/** Keys are captured by their names alone. */
const CAPTURED = [
  ...['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'GEMINI_API_KEY', 'OPENAI_API_KEY'],
  ...Object.keys(PROXIES),
];

/** A computer with other things to do is no failure. */
const SEEN_MS_MAX = 110_000;
const SLOW_MS_MAX = 240_000;

export interface RealOptions {
  /** Of rasen.yml. */
  config?: Record<string, unknown>;
  env?: Record<string, string>;
  /** Arguments of the user's own, before those of rasen. */
  args?: string[];
  /** A command that starts the agent, instead of its program. */
  through?: string[];
  /** Folders that can be written in its sandbox, too. */
  writes?: string[];
  /** Of the agent's own settings file, where it has one. */
  settings?: Record<string, unknown>;
  subtasks?: Record<string, unknown>[];
  /** An agent that takes over from it, and its program. */
  relay?: { way: Way; command: readonly string[] };
}

const LAST_WORDS = 3000;

/** One file, committed, and the result. */
export const works = (): Turn[] => [
  { say: 'I write the file.', shell: 'date +%N >> work.txt && git add -A && git commit -qm "the work"' },
  {
    say: 'Now the result.',
    write: { path: '{result}', text: '{"status":"done","summary":"wrote work.txt"}' },
  },
  { say: 'All done.' },
];

export class RealProject extends SeedProject {
  readonly model: ModelServer;
  readonly #subtasks: Record<string, unknown>[];
  readonly #slow: boolean;

  private constructor(
    model: ModelServer,
    options: object,
    { subtasks, slow }: { subtasks: Record<string, unknown>[]; slow: boolean },
  ) {
    super(options);
    this.model = model;
    this.#subtasks = subtasks;
    this.#slow = slow;
  }

  static async make(way: Way, program: readonly string[], options: RealOptions = {}): Promise<RealProject> {
    const model = await ModelServer.start();
    model.turns = works();
    const command = [...(options.through ?? []), ...program, ...way.args(model.url), ...(options.args ?? [])];
    const { relay } = options;
    const next = relay && {
      backend: relay.way.backend,
      command: [...relay.command, ...relay.way.args(model.url)],
      model: relay.way.model,
    };
    const folderOf = (words: readonly string[]) =>
      dirname(words.at(-1)!).replace(/(\/node_modules)\/.*/, '$1');
    const made = new RealProject(
      model,
      {
        config: {
          agent: { backend: way.backend, command, ...(next && { relay: [next] }) },
          models: { coder: way.model },
          pass_env: CAPTURED,
          // Agents that are installed for tests are in the folder for temporary files.
          sandbox: {
            read: [folderOf(program), ...(relay ? [folderOf(relay.command)] : [])],
            write: options.writes ?? [],
          },
          ...options.config,
        },
        env: {
          ...relay?.way.env(model.url),
          ...way.env(model.url),
          ...PROXIES,
          RASEN_SANDBOX: 'on',
          ...options.env,
        },
      },
      { subtasks: options.subtasks ?? [{ id: 'a' }], slow: way.slow === true },
    );
    for (const [path, value] of Object.entries({ ...relay?.way.files(model.url), ...way.files(model.url) })) {
      const file = join(made.instance.folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify({ ...value, ...options.settings }));
    }
    return made;
  }

  async start(): Promise<void> {
    await this.init(this.#subtasks);
    await this.ok('run', '--background');
  }

  /** Runs it to its end, which must be this one. */
  async ends(status: TaskView['status'], why: string | null = null): Promise<TaskView> {
    const view = await this.over();
    expect([view.status, view.why ?? null], view.reason ?? '').toEqual([status, why]);
    return view;
  }

  /** The task when it does not go on by itself, or waits. */
  over(): Promise<TaskView> {
    return this.seen('it is over', v => ['completed', 'blocked', 'failed', 'waiting'].includes(v.status));
  }

  override seen(what: string, fits: (view: TaskView) => unknown): Promise<TaskView> {
    return super.seen(what, fits, this.#slow ? SLOW_MS_MAX : SEEN_MS_MAX);
  }

  async outcomes(id = 'a'): Promise<(string | null)[]> {
    return (await this.view()).subtasks.find(s => s.id === id)!.history.map(h => h.outcome);
  }

  /** What held each session within its limits. */
  sandboxes(): (string | null | undefined)[] {
    return this.#events().flatMap(event =>
      event.type === 'attempt_started' && event.step !== '_final' ? [event.sandbox] : [],
    );
  }

  /** What the sessions said of their work in their result files, in the order of their ends. */
  summaries(): string[] {
    return this.#events().flatMap(event =>
      event.type === 'attempt_ended' && event.claim ? [event.claim.summary] : [],
    );
  }

  /** What was read of each session of the work, in the order of their ends. */
  sessionsSeen(): SessionFacts[] {
    return this.#events().flatMap(event =>
      event.type === 'attempt_ended' && event.session ? [event.session] : [],
    );
  }

  /** Its agent works, and has made the file that says so. */
  async inTool(): Promise<TaskView> {
    return this.seen('it works', v => v.worktree !== null && existsSync(join(v.worktree, 'begun.txt')));
  }

  /** SIGKILL to all processes of the program, in `task` alone where one is named. Gives how many there were. */
  killAgent(program: string, task?: string): number {
    // A sandbox names the folders of all agents.
    const agents = marked(this.instance.home, task === undefined ? undefined : [task]).filter(found =>
      found.command.includes(program),
    );
    for (const { pid } of agents)
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // A helper of it that has ended meanwhile.
        if (errnoOf(error) !== 'ESRCH') throw error;
      }
    return agents.length;
  }

  /** The end of what the agent printed in its last session, for whoever looks at a test that failed. */
  lastWords(): string {
    const attempts = join(
      this.instance.home,
      'tasks',
      readdirSync(join(this.instance.home, 'tasks'))[0]!,
      'attempts',
    );
    const outputs = readdirSync(attempts, { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('/output'))
      .map(path => join(attempts, path));
    return outputs.map(path => `${path}\n${readFileSync(path, 'utf8').slice(-LAST_WORDS)}`).join('\n');
  }

  #events(): Event[] {
    const tasks = join(this.instance.home, 'tasks');
    const { journal } = taskFiles(tasks, readdirSync(tasks)[0]!);
    return readFileSync(journal, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Event);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.model.close();
  }
}
