/**
 * A project whose agent is a real one, and the model that it speaks with. Nothing of the machine's own is read: HOME is
 * the test's and new, so that nobody has logged in there, trusted a folder or answered a question before. Who wants to
 * speak to anybody but the model is sent to a port where nobody listens.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { Event } from '../../src/contract/event.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { taskFiles } from '../../src/store/layout.ts';
import { SeedProject } from '../support/scripted-agent.ts';
import { ModelServer, type Turn } from './model-server.ts';
import type { Real } from './setup.ts';

export const MODELS: Readonly<Record<Real, string>> = {
  claude: 'claude-sonnet-4-5',
  codex: 'gpt-5.5',
  gemini: 'gemini-2.5-pro',
};

/** A provider of its own is how codex is led to another address. */
const codexProvider = (url: string) =>
  Object.entries({
    model_provider: '"test"',
    'model_providers.test.name': '"test"',
    'model_providers.test.base_url': `"${url}/v1"`,
    'model_providers.test.env_key': '"OPENAI_API_KEY"',
    'model_providers.test.wire_api': '"responses"',
    'model_providers.test.request_max_retries': '1',
    'model_providers.test.stream_max_retries': '1',
  }).flatMap(([key, value]) => ['-c', `${key}=${value}`]);

/** The discard service: nobody has it, and a connection is refused at once. */
export const NOWHERE = 'http://127.0.0.1:9';

const PROXIES = { HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE, ALL_PROXY: NOWHERE, NO_PROXY: '127.0.0.1' };

/** Keys are captured by their names alone. */
const CAPTURED = [
  ...['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'GEMINI_API_KEY', 'OPENAI_API_KEY'],
  ...Object.keys(PROXIES),
];

/**
 * An address of one's own has no login that it would find by itself. Its patience, and whether it tells its maker how it
 * is used, can be set nowhere else.
 */
const GEMINI_SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  general: { maxAttempts: 2 },
  privacy: { usageStatisticsEnabled: false },
};

/** A computer with other things to do is no failure. */
const SEEN_MS_MAX = 110_000;

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
}

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

  private constructor(model: ModelServer, options: object, subtasks: Record<string, unknown>[]) {
    super(options);
    this.model = model;
    this.#subtasks = subtasks;
  }

  static async make(real: Real, program: readonly string[], options: RealOptions = {}): Promise<RealProject> {
    const model = await ModelServer.start();
    model.turns = works();
    const provider = real === 'codex' ? codexProvider(model.url) : [];
    const command = [...(options.through ?? []), ...program, ...provider, ...(options.args ?? [])];
    const made = new RealProject(
      model,
      {
        config: {
          agent: { backend: real, command },
          models: { coder: MODELS[real] },
          pass_env: CAPTURED,
          // Agents that are installed for tests are in the folder for temporary files.
          sandbox: {
            read: [dirname(program.at(-1)!).replace(/(\/node_modules)\/.*/, '$1')],
            write: options.writes ?? [],
          },
          ...options.config,
        },
        env: {
          ANTHROPIC_API_KEY: 'test-key',
          ANTHROPIC_BASE_URL: model.url,
          // The program's own patience is not what is tested.
          CLAUDE_CODE_MAX_RETRIES: '1',
          GEMINI_API_KEY: 'test-key',
          GOOGLE_GEMINI_BASE_URL: model.url,
          OPENAI_API_KEY: 'test-key',
          ...PROXIES,
          RASEN_SANDBOX: 'on',
          ...options.env,
        },
      },
      options.subtasks ?? [{ id: 'a' }],
    );
    if (real === 'gemini') {
      const settings = join(made.instance.folder, '.gemini/settings.json');
      mkdirSync(dirname(settings), { recursive: true });
      writeFileSync(settings, JSON.stringify({ ...GEMINI_SETTINGS, ...options.settings }));
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
    return super.seen(what, fits, SEEN_MS_MAX);
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
