/**
 * What the power is cut in, and what must be true afterwards; shared by record.ts and check.ts. Both run in namespaces of
 * their own in which `live` is in memory and `live/d` is the disk.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type RpcClient } from '../../../src/rpc/client.ts';

/** Seen by a client: the disk had written `at` bytes of its log by then, so whatever it says was durable before. */
export interface Fact {
  at: number;
  what: 'submitted' | 'subtask' | 'completed' | 'merged';
  task: string;
  subtask?: string;
}

export interface Recording {
  facts: Fact[];
  /** Projects, and the task in each. */
  projects: { name: string; task: string }[];
  /** Length of the log when the story had begun, and when it was over. */
  from: number;
  to: number;
}

export const SUBTASKS = ['one', 'two'];
const ROOT = join(import.meta.dirname, '../../..');

export class Story {
  readonly live: string;
  readonly disk: string;
  readonly env: NodeJS.ProcessEnv;
  /** Program of the agent, and the words that put a line into the witness. Neither is on the disk. */
  readonly agent: string;
  readonly sign: string;
  daemon: ChildProcess | null = null;
  readonly #witness: string;

  constructor(live: string) {
    this.live = live;
    this.disk = join(live, 'd');
    this.agent = join(live, 'agent.sh');
    this.#witness = join(live, 'witness');
    this.sign = `echo $RASEN_TASK $RASEN_SUBTASK >>${this.#witness}`;
    this.env = {
      PATH: process.env.PATH,
      HOME: join(live, 'home'),
      RASEN_HOME: join(this.disk, 's'),
      RASEN_CAGE: 'group',
      NO_COLOR: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      ...Object.fromEntries(
        ['AUTHOR', 'COMMITTER'].flatMap(who => [
          [`GIT_${who}_NAME`, 'Test'],
          [`GIT_${who}_EMAIL`, 'test@localhost'],
        ]),
      ),
    };
  }

  /** What is there before the disk is: a home, and an agent that commits the work of its first subtask only. */
  furnish(): void {
    mkdirSync(this.env.HOME!);
    writeFileSync(
      this.agent,
      `#!/bin/sh
cat >/dev/null
${this.sign}
grep -qx $RASEN_SUBTASK lines.txt || echo $RASEN_SUBTASK >>lines.txt
echo $RASEN_SUBTASK >$RASEN_SUBTASK.txt
[ $RASEN_SUBTASK = one ] && git add -A && git commit -qm "feat: one"
echo '{"status":"done","summary":"did it"}' >"$RASEN_RESULT_FILE"
`,
      { mode: 0o755 },
    );
  }

  /** Runs a program on the disk. Fails when the program does, unless told that it may. */
  run(argv: string[], options: { cwd?: string; may_fail?: boolean } = {}): string {
    const [program, ...args] = argv;
    const ran = spawnSync(program === 'rasen' ? join(ROOT, 'bin/rasen') : program!, args, {
      cwd: options.cwd ?? this.disk,
      env: this.env,
      encoding: 'utf8',
      timeout: 90_000,
    });
    if (ran.status !== 0 && !options.may_fail)
      throw new Error(`${argv.join(' ')} (${ran.status ?? ran.signal}): ${ran.stdout}${ran.stderr}`);
    return ran.status === 0 ? ran.stdout : `exit ${ran.status}: ${ran.stdout}${ran.stderr}`;
  }

  async start(): Promise<void> {
    this.daemon = spawn(process.execPath, [join(ROOT, 'dist/rasend.cjs')], {
      env: this.env,
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    for (const end = Date.now() + 180_000; ; await pause(10)) {
      const client = await connect(this.socket).catch(() => null);
      client?.close();
      if (client) return;
      if (this.daemon.exitCode !== null) throw new Error(`rasend ended with ${this.daemon.exitCode}`);
      if (Date.now() > end) throw new Error('the supervisor does not answer');
    }
  }

  get socket(): string {
    return join(this.disk, 's/run/rasend.sock');
  }

  client(): Promise<RpcClient> {
    return connect(this.socket);
  }

  /** Lines of the witness outside of the disk: `TASK SUBTASK`, one for each start of a command or session. */
  starts(): string[] {
    return existsSync(this.#witness) ? readFileSync(this.#witness, 'utf8').split('\n').slice(0, -1) : [];
  }
}

export const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));
