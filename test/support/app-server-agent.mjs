// A program in the place of codex that is spoken with: `<this> SCRIPT … app-server`. A turn is one session of
// scripted-agent.mjs; a line of JSON that it says goes out as it is, so a script can make any event. What is said to it
// meanwhile is in `<script>.heard`, a line each. With other arguments it is scripted-agent.mjs.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [script, ...args] = process.argv.slice(2);
const threads = `${script}.threads`;
const agent = more => [join(import.meta.dirname, 'scripted-agent.mjs'), script, ...more];
const say = message => process.stdout.write(`${JSON.stringify(message)}\n`);

let thread = null;
let turn = null;
let turns = 0;

/** What a session of scripted-agent.mjs does is the turn. */
function startTurn(id, prompt) {
  turns += 1;
  const own = { id: `turn-${process.pid}-${turns}`, said: false, interrupted: false };
  turn = own;
  const told = status => ({ id: own.id, items: [], status, error: null });
  say({ id, result: { turn: told('inProgress') } });
  say({ method: 'turn/started', params: { threadId: thread, turn: told('inProgress') } });
  own.child = spawn(process.execPath, agent(['--turn']), { stdio: ['pipe', 'pipe', 'inherit'] });
  own.child.stdin.end(prompt);
  createInterface({ input: own.child.stdout }).on('line', line => {
    if (line.includes('"turn/completed"')) own.said = true;
    process.stdout.write(`${line.replaceAll('{thread}', thread)}\n`);
  });
  own.child.on('close', code => {
    turn = null;
    if (own.said) return;
    const status = own.interrupted ? 'interrupted' : code === 0 ? 'completed' : 'failed';
    say({ method: 'turn/completed', params: { threadId: thread, turn: told(status) } });
  });
}

const methods = {
  initialize: ({ id }) => say({ id, result: { userAgent: 'rasen/0.169.0' } }),
  'thread/start': ({ id }) => {
    thread = `thread-${process.pid}`;
    appendFileSync(threads, `${thread}\n`);
    say({ id, result: { thread: { id: thread } } });
  },
  'thread/resume': ({ id, params }) => {
    const known = existsSync(threads) && readFileSync(threads, 'utf8').split('\n').includes(params.threadId);
    thread = params.threadId;
    if (known) say({ id, result: { thread: { id: thread } } });
    else say({ id, error: { code: -32600, message: `no rollout found for thread id ${thread}` } });
  },
  'turn/start': ({ id, params }) => startTurn(id, params.input.map(({ text }) => text).join('\n')),
  'turn/steer': ({ id, params }) => {
    if (turn && params.expectedTurnId === turn.id) say({ id, result: { turnId: turn.id } });
    else say({ id, error: { code: -32600, message: 'no active turn to steer' } });
  },
  'turn/interrupt': ({ id }) => {
    say({ id, result: {} });
    if (turn) turn.interrupted = true;
    turn?.child.kill('SIGKILL');
  },
};

if (args.includes('app-server')) {
  createInterface({ input: process.stdin })
    .on('line', line => {
      appendFileSync(`${script}.heard`, `${line}\n`);
      const message = JSON.parse(line);
      methods[message.method]?.(message);
    })
    .on('close', () => turn?.child.kill('SIGKILL'));
} else {
  spawn(process.execPath, agent(args), { stdio: 'inherit' }).on('exit', code => process.exit(code ?? 1));
}
