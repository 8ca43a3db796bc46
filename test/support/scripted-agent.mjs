// A program in the place of a coding agent. It does what a JSON file says (its only argument, see scripted-agent.ts):
// the prompt on standard input, the work in the current folder, the claim in the file that RASEN_RESULT_FILE names.
// Each of its sessions is one line of `<script>.log`. It knows nothing of rasen beyond what any agent is told.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { misbehaviours } from './misbehaving-agent.mjs';

const { RASEN_ROLE: role, RASEN_SUBTASK: subtask, RASEN_RESULT_FILE: result } = process.env;
const file = process.argv[2];
const log = `${file}.log`;
// As a version that cannot be spoken with; app-server-agent.mjs and stream-json-agent.mjs can.
if (process.argv.includes('app-server')) {
  process.stderr.write("error: unrecognized subcommand 'app-server'\n");
  process.exit(2);
}
if (process.argv.includes('--input-format')) {
  process.stderr.write("error: unknown option '--input-format'\n");
  process.exit(1);
}
const prompt = readFileSync(0, 'utf8');
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
const git = (...args) =>
  execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

// Judges and the planner by their role, a coder by its subtask.
const key = role === 'coder' ? subtask : role;
const before = existsSync(log)
  ? readFileSync(log, 'utf8')
      .split('\n')
      .filter(line => line.includes(`"key":"${key}"`)).length
  : 0;
const session = {
  key,
  nth: before + 1,
  attempt: Number(process.env.RASEN_ATTEMPT_NUMBER),
  role,
  model: process.env.RASEN_MODEL ?? null,
  argv: process.argv.slice(3),
  tmpdir: process.env.TMPDIR ?? null,
  user: [process.env.USER, process.env.LOGNAME, process.env.HOME],
};
appendFileSync(
  log,
  `${JSON.stringify({ ...session, pid: process.pid, cwd: process.cwd(), range: process.env.RASEN_DIFF_RANGE ?? null, thinking: process.env.MAX_THINKING_TOKENS, prompt })}\n`,
);

const fill = text =>
  text
    .replaceAll('{subtask}', subtask)
    .replaceAll('{nth}', String(session.nth))
    .replaceAll('{project}', process.env.RASEN_PROJECT)
    .replace(/"\{epoch\+(\d+)\}"/g, (_, seconds) => String(Math.ceil(Date.now() / 1000) + Number(seconds)));
const put = (path, text, how) => {
  mkdirSync(dirname(path), { recursive: true });
  how(path, fill(text));
};

const acts = {
  ...misbehaviours,
  write: files => {
    for (const [path, text] of Object.entries(files)) put(fill(path), text, writeFileSync);
  },
  append: files => {
    for (const [path, text] of Object.entries(files)) put(fill(path), text, appendFileSync);
  },
  remove: path => rmSync(path, { recursive: true }),
  commit: message => {
    git('add', '-A');
    git('commit', '-q', '-m', message);
  },
  git: args => git(...args),
  claim: claim => writeFileSync(result, typeof claim === 'string' ? claim : fill(JSON.stringify(claim))),
  say: text => process.stdout.write(`${text}\n`),
  replay: name =>
    process.stdout.write(readFileSync(join(import.meta.dirname, '../data/agents', `${name}.jsonl`), 'utf8')),
  /** [rasen, home, out, calls]: tools of an MCP server that it has started, as agents do. */
  mcp: words =>
    execFileSync(process.execPath, [join(import.meta.dirname, 'mcp-ask.mjs'), ...words.map(fill)]),
  dump: path => writeFileSync(path, JSON.stringify(process.env)),
  exit: code => process.exit(code),
  /** Until a file is there. */
  await: async path => {
    while (!existsSync(path)) await pause(10);
  },
  /** For ever; deaf: SIGTERM is ignored. Writes on, so that a survivor would be seen. */
  hang: async ({ deaf, beat }) => {
    if (deaf) process.on('SIGTERM', () => {});
    for (;;) {
      if (beat) appendFileSync(beat, '.');
      await pause(20);
    }
  },
  /** A child in a session of its own that would outlive its parent. */
  child: pidfile => {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    child.unref();
    writeFileSync(pidfile, String(child.pid));
  },
};

const script = JSON.parse(readFileSync(file, 'utf8'));
const sessions = script[key] ?? script['*'] ?? [];
for (const act of sessions[Math.min(session.nth, sessions.length) - 1] ?? []) {
  for (const [name, value] of Object.entries(act))
    await acts[name](typeof value === 'string' ? fill(value) : value);
}
