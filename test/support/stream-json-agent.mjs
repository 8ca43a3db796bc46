// A program in the place of claude that is spoken with: `<this> SCRIPT … --input-format stream-json`. A turn is one session
// of scripted-agent.mjs; a line of JSON that it says goes out as it is, so a script can make any event. What is said to it
// after the prompt is in `<script>.heard`, a line each: in the turn that runs, or as the next one. Sessions that it can go
// on with are in `<script>.sessions`. Where `<script>.late` is, nothing is heard in a turn that runs.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [script, ...args] = process.argv.slice(2);
const sessions = `${script}.sessions`;
const option = name => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const resume = option('--resume');
const session_id = resume ?? option('--session-id');
const say = message => process.stdout.write(`${JSON.stringify({ ...message, session_id })}\n`);
const become = (command_uuid, state) => say({ type: 'command_lifecycle', command_uuid, state });
const known = existsSync(sessions) ? readFileSync(sessions, 'utf8').split('\n') : [];

let turn = null;
let first = true;
let failed = false;
const queue = [];

function startTurn({ uuid, message }) {
  const own = { said: false, interrupted: false };
  turn = own;
  become(uuid, 'started');
  say({ type: 'system', subtype: 'init', model: 'scripted', permissionMode: option('--permission-mode') });
  const agent = join(import.meta.dirname, 'scripted-agent.mjs');
  const more = resume === undefined ? [] : ['--resume', resume];
  own.child = spawn(process.execPath, [agent, script, '--turn', ...more], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  own.child.stdin.on('error', () => {});
  own.child.stdin.end(message.content.map(({ text }) => text).join('\n'));
  createInterface({ input: own.child.stdout }).on('line', line => {
    if (line.includes('"type":"result"')) own.said = true;
    if (line.includes('"is_error":true')) failed = true;
    process.stdout.write(`${line}\n`);
  });
  own.child.on('close', code => {
    turn = null;
    if (!own.said) {
      failed = own.interrupted || code !== 0;
      const how = own.interrupted ? 'aborted_tools' : 'completed';
      say({
        type: 'result',
        subtype: failed ? 'error_during_execution' : 'success',
        is_error: failed,
        terminal_reason: how,
      });
    }
    become(uuid, failed ? 'cancelled' : 'completed');
    const next = queue.shift();
    if (next) startTurn(next);
  });
}

function hear(message) {
  if (message.type === 'control_request') {
    say({ type: 'control_response', response: { subtype: 'success', request_id: message.request_id } });
    if (turn) turn.interrupted = true;
    turn?.child.kill('SIGKILL');
    return;
  }
  become(message.uuid, 'queued');
  if (first) {
    first = false;
    return startTurn(message);
  }
  appendFileSync(`${script}.heard`, `${JSON.stringify(message.message.content[0].text)}\n`);
  if (!turn) return startTurn(message);
  if (existsSync(`${script}.late`)) return queue.push(message);
  become(message.uuid, 'started');
  become(message.uuid, 'completed');
}

if (resume !== undefined && !known.includes(resume)) {
  const error = `No conversation found with session ID: ${resume}`;
  say({ type: 'result', subtype: 'error_during_execution', is_error: true, num_turns: 0, errors: [error] });
  process.exit(1);
}
appendFileSync(sessions, `${session_id}\n`);
createInterface({ input: process.stdin })
  .on('line', line => hear(JSON.parse(line)))
  .on('close', () => {
    if (turn) turn.child.on('close', () => process.exit(failed ? 1 : 0));
    else process.exit(failed ? 1 : 0);
  });
