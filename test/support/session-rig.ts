/**
 * The session program for a test, from its source: started as a runner starts it, with the prompt as a file on its
 * standard input and both its channels in one file. Agents are small programs of the test's own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SessionOrder, sessionArgv } from '../../src/session/order.ts';
import { until } from './instance.ts';

const PROGRAM = join(import.meta.dirname, '../../src/session/main.ts');

export class SessionRig {
  readonly root = mkdtempSync(join(tmpdir(), 'rasen-session-'));
  readonly #children: ChildProcess[] = [];
  #count = 0;

  path(name: string): string {
    return join(this.root, name);
  }

  /** A program in JavaScript; it can `say(message)` and is given what it hears as `on(line)`. */
  agent(body: string): string[] {
    const file = this.path(`agent-${++this.#count}.mjs`);
    const head = `import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
const say = message => process.stdout.write(JSON.stringify(message) + '\\n');
const heard = [];
const hear = (on, close = () => {}) => createInterface({ input: process.stdin })
  .on('line', line => { heard.push(line); on(JSON.parse(line), line); }).on('close', close);
`;
    writeFileSync(file, `${head}${body}\n`);
    return [process.execPath, file];
  }

  start(argv: string[], more: Partial<SessionOrder> = {}, env: NodeJS.ProcessEnv = {}): Talking {
    const name = `job-${++this.#count}`;
    const folder = this.path(name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'prompt.md'), 'Do the work.');
    const order: SessionOrder = {
      kind: 'codex',
      argv,
      fallback: null,
      cwd: this.root,
      resume: null,
      model: null,
      writable: [],
      notes_dir: join(folder, 'notes'),
      locks_dir: this.path('sessions'),
      identity_file: join(folder, 'session'),
      ...more,
    };
    const input = openSync(join(folder, 'prompt.md'), 'r');
    const output = openSync(join(folder, 'output'), 'a');
    const [shell, ...words] = sessionArgv([process.execPath, PROGRAM], order);
    const child = spawn(shell!, words, {
      cwd: this.root,
      env: { ...process.env, ...env },
      stdio: [input, output, output],
    });
    closeSync(input);
    closeSync(output);
    this.#children.push(child);
    return new Talking(folder, child);
  }

  locks(): string[] {
    return existsSync(this.path('sessions')) ? readdirSync(this.path('sessions')) : [];
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Talking {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.child = child;
    this.ended = new Promise(resolve => child.once('exit', (code, signal) => resolve(signal ?? code!)));
  }

  output(): string {
    return readFileSync(join(this.folder, 'output'), 'utf8');
  }

  async said(text: string | RegExp): Promise<string> {
    return until(`the output has ${text}`, () =>
      (typeof text === 'string' ? this.output().includes(text) : text.test(this.output()))
        ? this.output()
        : null,
    );
  }

  note(name: string, text: string): void {
    const notes = join(this.folder, 'notes');
    mkdirSync(notes, { recursive: true });
    // Moved there when it is whole, as rasend does.
    writeFileSync(join(notes, `.${name}`), text);
    renameSync(join(notes, `.${name}`), join(notes, `${name}.md`));
  }

  notes(): string[] {
    return readdirSync(join(this.folder, 'notes')).filter(name => name.endsWith('.md'));
  }
}

/** As codex: a thread, a turn, and what the body does with `on(message)` after it. `end()` completes the turn. */
export const CODEX = `
const TURN = { id: 'turn-1', items: [], status: 'inProgress', error: null };
const end = (status = 'completed') =>
  say({ method: 'turn/completed', params: { threadId: 'thread-1', turn: { ...TURN, status } } });
const codex = (on, close) => hear((message, line) => {
  if (message.method === 'initialize') say({ id: message.id, result: {} });
  if (message.method === 'thread/start' || message.method === 'thread/resume')
    say({ id: message.id, result: { thread: { id: message.params.threadId ?? 'thread-1' } } });
  if (message.method === 'turn/start') say({ id: message.id, result: { turn: TURN } });
  on(message, line);
}, close);
`;
