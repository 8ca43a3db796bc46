// A program in the place of one that speaks the Agent Client Protocol: `<this> SCRIPT …`. A turn is one session of
// scripted-agent.mjs; what that says are words of the agent, but a line of JSON goes out as it is, so a script can make
// anything of the protocol. What is said to it is in `<script>.heard`, a line each.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [script, ...args] = process.argv.slice(2);
const sessions = `${script}.sessions`;
const say = message => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

let session = null;
let turn = null;

function startTurn(id, prompt) {
  const own = { answered: false, cancelled: false };
  turn = own;
  const agent = [join(import.meta.dirname, 'scripted-agent.mjs'), script, ...args];
  own.child = spawn(process.execPath, agent, { stdio: ['pipe', 'pipe', 'inherit'] });
  own.child.stdin.end(prompt);
  createInterface({ input: own.child.stdout }).on('line', line => {
    if (line.startsWith('{')) {
      own.answered ||= line.includes('"id":"{prompt}"');
      process.stdout.write(`${line.replaceAll('{session}', session).replace('"{prompt}"', String(id))}\n`);
      return;
    }
    const update = { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: `${line}\n` } };
    say({ method: 'session/update', params: { sessionId: session, update } });
  });
  own.child.on('close', code => {
    turn = null;
    if (own.answered) return;
    if (code !== 0 && !own.cancelled) process.exit(code ?? 1);
    const usage = { inputTokens: 1000, outputTokens: 40, totalTokens: 1040 };
    say({ id, result: { stopReason: own.cancelled ? 'cancelled' : 'end_turn', usage } });
  });
}

const methods = {
  initialize: ({ id }) =>
    say({
      id,
      result: { protocolVersion: 1, agentCapabilities: { sessionCapabilities: { resume: {} } } },
    }),
  'session/new': ({ id }) => {
    session = `session-${process.pid}`;
    appendFileSync(sessions, `${session}\n`);
    say({ id, result: { sessionId: session } });
  },
  'session/resume': ({ id, params }) => {
    const known =
      existsSync(sessions) && readFileSync(sessions, 'utf8').split('\n').includes(params.sessionId);
    session = params.sessionId;
    if (known) say({ id, result: {} });
    else say({ id, error: { code: -32002, message: 'Resource not found' } });
  },
  'session/prompt': ({ id, params }) => startTurn(id, params.prompt.map(({ text }) => text).join('\n')),
  'session/cancel': () => {
    if (turn) turn.cancelled = true;
    turn?.child.kill('SIGKILL');
  },
};

createInterface({ input: process.stdin })
  .on('line', line => {
    appendFileSync(`${script}.heard`, `${line}\n`);
    const message = JSON.parse(line);
    methods[message.method]?.(message);
  })
  .on('close', () => turn?.child.kill('SIGKILL'));
