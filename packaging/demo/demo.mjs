// npm run demo: the main job from start to finish on a real git repository, with a real supervisor that is killed in
// the middle. Only the agent is scripted (scripted-agent.mjs). Everything is made in a temporary folder and removed.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const rasenBin = join(here, '../../bin/rasen');
const folder = mkdtempSync(join(tmpdir(), 'rasen-demo-'));
const project = join(folder, 'shop');
const env = {
  ...process.env,
  RASEN_HOME: join(folder, 'home'),
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Demo',
  GIT_AUTHOR_EMAIL: 'demo@localhost',
  GIT_COMMITTER_NAME: 'Demo',
  GIT_COMMITTER_EMAIL: 'demo@localhost',
};
let supervisor = 0;
const began = Date.now();

const title = text => console.log(`\n── ${text} ${'─'.repeat(Math.max(0, 90 - text.length))}`);
const quiet = (program, ...args) =>
  execFileSync(program, args, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** Runs `rasen …` as a user would, showing the command and what it prints. */
function rasen(...args) {
  console.log(`$ rasen ${args.join(' ')}`);
  const { status, stdout, stderr } = spawnSync(rasenBin, args, { cwd: project, env, encoding: 'utf8' });
  process.stdout.write(stdout + stderr);
  if (status !== 0) throw new Error(`rasen ${args[0]} ended with status ${status}`);
}

const view = () => JSON.parse(quiet(rasenBin, 'status', '--json'));
const lives = pid => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function until(what, done) {
  for (const end = Date.now() + 120_000; Date.now() < end; ) {
    const found = done();
    if (found) return found;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error(`waited too long for ${what}`);
}

/** A small program whose acceptance tests fail: nothing of it is written yet. */
function makeRepository() {
  mkdirSync(join(project, 'src'), { recursive: true });
  mkdirSync(join(project, 'test'));
  const file = (name, text) => writeFileSync(join(project, name), text);
  const test = (name, imports, body) =>
    file(
      `test/${name}.test.js`,
      `import assert from 'node:assert';\nimport { test } from 'node:test';\nimport { ${imports} } from '../src/shop.js';\n\n${body}`,
    );
  file('package.json', '{ "name": "shop", "type": "module", "private": true }\n');
  file('src/shop.js', '/** A very small shop. */\n');
  test(
    'parse-price',
    'parsePrice',
    `test('cents', () => assert.equal(parsePrice('12.5'), 1250));\ntest('no price', () => assert.throws(() => parsePrice('abc')));\n`,
  );
  test(
    'cart-total',
    'total',
    `test('sum', () => assert.equal(total([{ price: '1.10', count: 3 }, { price: '2', count: 1 }]), 530));\n`,
  );
  test('discount', 'discount', `test('ten percent', () => assert.equal(discount(999, 10), 899));\n`);
  test(
    'receipt',
    'receipt',
    `test('lines', () => assert.equal(receipt([{ name: 'tea', price: '2.50', count: 2 }]), '2 x tea\\ntotal 5.00'));\n`,
  );
  file(
    'rasen.yml',
    `agent: {command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(join(here, 'scripted-agent.mjs'))}]}\n` +
      'gates:\n  - {name: syntax, run: [node, --check, src/shop.js]}\n' +
      'orchestrator: {session_delay_seconds: 0}\n',
  );
  copyFileSync(join(here, 'plan.yml'), join(project, 'plan.yml'));
  quiet('git', 'init', '-q', '-b', 'main');
  quiet('git', 'add', '-A');
  quiet('git', 'commit', '-q', '-m', 'A shop without code');
}

const tests = () => spawnSync('node', ['--test'], { cwd: project, env, encoding: 'utf8' });

async function main() {
  title('A repository with failing acceptance tests');
  mkdirSync(project, { recursive: true });
  makeRepository();
  const before = tests();
  console.log(
    `$ node --test   →  ${/# fail \d+/.exec(before.stdout)?.[0] ?? /fail \d+/.exec(before.stdout)?.[0]}, as it should be now`,
  );

  title('Order the work and close the terminal if you like');
  rasen('init', '--task', 'Write the shop: prices, cart, discounts, receipts', '--plan', 'plan.yml');
  rasen('run', '--background');

  title('Kill the supervisor with SIGKILL while an attempt works');
  const seen = await until('the second subtask', () => {
    const now = view();
    supervisor = now.pid ?? supervisor;
    const open = now.subtasks.find(s => s.id === 'cart-total')?.attempt;
    return open?.phase === 'running' && open.pid ? { supervisor: now.pid, attempt: open.pid } : null;
  });
  rasen('status');
  process.kill(seen.supervisor, 'SIGKILL');
  await until('the supervisor to be gone', () => !lives(seen.supervisor));
  console.log(
    `$ kill -9 ${seen.supervisor}   →  rasend is dead; the attempt's runner (pid ${seen.attempt}) is ${lives(seen.attempt) ? 'ALIVE' : 'dead'}`,
  );
  if (!lives(seen.attempt)) throw new Error('the attempt did not survive its supervisor');

  title('A new supervisor adopts it and goes on');
  rasen('resume', '--background');
  const after = view();
  supervisor = after.pid;
  const adopted = after.subtasks.find(s => s.id === 'cart-total');
  console.log(
    `cart-total: attempt ${adopted.attempt?.n ?? adopted.history.at(-1)?.n}, runner pid ${adopted.attempt?.pid ?? '(just ended)'}; no second attempt was started`,
  );
  if (adopted.attempts !== 1) throw new Error('a second attempt was started');

  title('Wait for the end; a gate refuses the first discount');
  rasen('wait', after.id);
  rasen('status');
  rasen('logs', '-n', '40');
  const done = view();
  const discount = done.subtasks.find(s => s.id === 'discount');
  if (done.status !== 'completed' || !done.verified)
    throw new Error(`the task is ${done.status}, verified: ${done.verified}`);
  if (discount.history[0]?.outcome !== 'gate_failed') throw new Error('the wrong discount was not refused');

  title('Nothing has touched your checkout so far. Merge');
  console.log(`$ git log --oneline main\n${quiet('git', 'log', '--oneline', 'main').trim()}`);
  rasen('merge');
  console.log(`$ git log --oneline main\n${quiet('git', 'log', '--oneline', 'main').trim()}`);

  title("The proof: the repository's own tests");
  const proof = tests();
  console.log(proof.stdout.trim());
  if (proof.status !== 0) throw new Error('the tests are red');
  console.log(
    `\nDone in ${((Date.now() - began) / 1000).toFixed(0)} s: 4 subtasks, 1 refused attempt, 1 killed supervisor, 0 lost work.`,
  );
}

try {
  await main();
} catch (error) {
  console.error(`\nThe demonstration failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (supervisor && lives(supervisor)) {
    process.kill(supervisor, 'SIGTERM');
    await until('the supervisor to end', () => !lives(supervisor)).catch(() => {});
  }
  rmSync(folder, { recursive: true, force: true });
}
