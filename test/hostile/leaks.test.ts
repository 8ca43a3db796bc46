/**
 * What leaves the machine: a secret that the programs of a task print, in every spelling that is known, is in nothing that
 * is stored beside the raw output, sent, or shown.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/instance.ts';
import { projects } from '../support/projects.ts';
import { type Act, type SeedProject, WORKS } from '../support/scripted-agent.ts';
import { found, SPELLINGS } from '../support/spellings.ts';

const SECRET = `c0rrect h'rse/"b4ttery"+9&%41`;
const WITHHELD = 'withheld-t0ken-of-the-shell';
const LOGIN = 'sk-fake-l0gin-of-the-agent-77';
const ALL_SPELLINGS = SPELLINGS.map(({ printed }) => printed(SECRET)).join('\n');

const project = projects();
const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

async function webhook(): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', text => {
      body += text;
    });
    request.on('end', () => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  closes.push(() => new Promise(done => server.close(done)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
}

/** A program that prints the secret in every spelling and then does as it is told. */
function spelling(p: SeedProject, then: string): string[] {
  writeFileSync(p.beside('spellings'), ALL_SPELLINGS);
  return ['sh', '-c', `set -x; : "$DB_PASS" "$SOME_TOKEN"; cat '${p.beside('spellings')}'; echo; ${then}`];
}

function writeSecrets(p: SeedProject, value = SECRET): void {
  const quoted = value.replace(/["\\$`]/g, c => `\\${c}`);
  writeFileSync(join(p.instance.home, 'secrets.env'), `DB_PASS="${quoted}"\n`, { mode: 0o600 });
}

const EVERYBODY = ['agent', 'run', 'gates', 'setup', 'notify'];

/** Every file below, but what programs wrote themselves and what the user did. */
function* stored(folder: string): Iterable<[path: string, text: string]> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* stored(path);
    // `env.json` is what the user handed over; results are files of the agents.
    else if (
      entry.isFile() &&
      !['output', 'secrets.env', 'env.json'].includes(entry.name) &&
      !path.includes('/results/')
    )
      yield [path, readFileSync(path, 'utf8')];
  }
}

const COMMANDS = [
  ['logs', '-n', 'all', '--gates'],
  ['logs', '-n', '30'],
  ['logs', '-n', 'all', '--gates', '--json'],
  ['events'],
  ['events', '--json'],
  ['status'],
  ['status', '--json'],
  ['report'],
  ['report', '--json'],
  ['list', '--json'],
  ['plan', 'show', '--json'],
];

/** Where one of the values is, in which spelling. */
async function leaks(
  p: SeedProject,
  told: Record<string, string>,
  commands: readonly string[][] = COMMANDS,
): Promise<string[]> {
  const shown: [string, string][] = [];
  for (const args of commands) {
    const { stdout, stderr } = await p.rasen(...args);
    shown.push([`rasen ${args.join(' ')}`, stdout + stderr]);
  }
  const texts = [
    ...shown,
    ...stored(p.instance.home),
    ...stored(join(p.root, '.rasen')),
    ...Object.entries(told),
  ];
  return texts.flatMap(([where, text]) =>
    [SECRET, WITHHELD, LOGIN].flatMap(value => found(text, value).map(spelled => `${where}: ${spelled}`)),
  );
}

test('a secret that an agent, its stream, gates, commands and setup print is nowhere to be seen', async () => {
  const { url, bodies } = await webhook();
  const claims: Act = {
    claim: {
      status: 'done',
      summary: ALL_SPELLINGS,
      followups: [SECRET],
      issues: [`use ${SECRET}`],
      memory: { decisions: [SECRET.repeat(3)], learnings: [`${'x'.repeat(990)}${SECRET}`] },
    },
  };
  const says: Act = { say: `${ALL_SPELLINGS}\n${WITHHELD} ${LOGIN}` };
  const p = project({
    env: { SOME_TOKEN: WITHHELD, ANTHROPIC_API_KEY: LOGIN },
    script: {
      '*': [
        [says, { write: { bad: 'x\n' } }, { commit: 'bad' }, claims],
        [says, { remove: 'bad' }, ...WORKS.slice(0, 2), claims],
      ],
    },
  });
  await p.instance.start();
  writeSecrets(p);
  const config = JSON.parse(p.read('rasen.yml'));
  const gate = spelling(p, 'test ! -e bad');
  const notify = {
    webhook: url,
    command: ['sh', '-c', `cat >>'${p.beside('told')}'; echo "$DB_PASS" >&2; exit 1`],
  };
  p.write({
    'rasen.yml': JSON.stringify({
      ...config,
      setup: spelling(p, 'true'),
      gates: [gate],
      notify,
      limits: { attempts: 2 },
      secrets: { DB_PASS: { from: 'env:DB_PASS', for: EVERYBODY } },
    }),
  });
  p.git('commit', '-qam', 'config');
  await p.init([{ id: 'a' }, { id: 'b', run: spelling(p, 'exit 7'), attempts: 1, needs: ['a'] }]);
  await p.rasen('run');
  await until('a person is told', () => bodies.length > 0 && existsSync(p.beside('told')));
  const told = () => ({ webhook: bodies.join('\n'), command: readFileSync(p.beside('told'), 'utf8') });
  expect(await leaks(p, told())).toEqual([]);
  expect(told().webhook).toContain('[masked: DB_PASS]');
  const logs = await p.ok('logs', '-n', 'all', '--gates');
  expect(logs).toContain('[masked: SOME_TOKEN]');
  expect(logs).toContain('[masked: ANTHROPIC_API_KEY]');

  // The prompt of the second attempt tells what the gate said of the first.
  const prompts = p.sessions('a').map(({ prompt }) => prompt);
  expect(prompts.flatMap(prompt => found(prompt, SECRET))).toEqual([]);

  // The next supervisor knows no value, and shows none.
  await p.crash();
  await p.instance.start();
  expect(await leaks(p, told(), [COMMANDS[0]!, ['report']])).toEqual([]);
  const raw = await p.ok('logs', '--subtask', 'b', '--raw', '-n', 'all');
  expect(raw).toContain(SECRET);
});

test('a value that comes in two writes is not shown by halves, and what is none is not held up', async () => {
  const p = project();
  await p.instance.start();
  const value = 'correct-horse-battery-9';
  writeSecrets(p, value);
  const config = JSON.parse(p.read('rasen.yml'));
  p.write({
    'rasen.yml': JSON.stringify({ ...config, gates: 'none', secrets: { DB_PASS: { from: 'env:DB_PASS' } } }),
  });
  p.git('commit', '-qam', 'config');
  const wait = (name: string) => `until [ -e '${p.beside(name)}' ]; do sleep 0.02; done`;
  const script = [
    'printf "ready? "',
    wait('one'),
    'printf "pass: %s" "$(printf %s "$DB_PASS" | cut -c1-12)"',
    wait('two'),
    'printf "%s\\nover\\n" "$(printf %s "$DB_PASS" | cut -c13-)"',
  ].join('; ');
  await p.init([{ id: 'a', run: ['sh', '-c', script] }]);
  await p.ok('run', '--background');
  const following = p.rasen('logs', '--follow');
  const client = await p.instance.client();
  const { id } = await p.view();
  let seen = '';
  const stream = client.stream(
    'log.follow',
    { task: id, follow: true, events: false },
    async (_method, data) => {
      for (const { text } of (data as { records: { text: string }[] }).records) seen += text;
    },
  );
  await until('the question is shown, which has no line end', () => seen.includes('ready? '));
  writeFileSync(p.beside('one'), '');
  await until('it goes on, without the half', () => seen.includes('pass: '));
  // Longer than anything is held for.
  await until('what was held is told', () => seen.includes('pass: [masked: DB_PASS]'));
  writeFileSync(p.beside('two'), '');
  await stream;
  client.close();
  expect(seen).toBe('ready? pass: [masked: DB_PASS]\nover\n');
  expect((await following).stdout).toMatch(/ready\? pass: \[masked: DB_PASS\]\nover\n/);
  expect((await p.ok('logs')).endsWith('ready? pass: [masked: DB_PASS]\nover\n')).toBe(true);
});

test('a value that was changed is masked, and so is the one before it, also by the next supervisor', async () => {
  const p = project();
  await p.instance.start();
  writeSecrets(p, 'the-first-value-1');
  const config = JSON.parse(p.read('rasen.yml'));
  p.write({
    'rasen.yml': JSON.stringify({ ...config, gates: 'none', secrets: { DB_PASS: { from: 'env:DB_PASS' } } }),
  });
  p.git('commit', '-qam', 'config');
  await p.init([
    {
      id: 'a',
      run: ['sh', '-c', `echo "a has $DB_PASS"; until [ -e '${p.beside('go')}' ]; do sleep 0.02; done`],
    },
    { id: 'b', run: ['sh', '-c', 'echo "b has $DB_PASS"'], needs: ['a'] },
  ]);
  await p.ok('run', '--background');
  await until('the first has begun', async () => /a has/.test((await p.rasen('logs')).stdout));
  writeSecrets(p, 'the-second-value-2');
  await p.crash();
  await p.instance.start();
  expect(await p.ok('logs', '-n', 'all')).toContain('[a] a has [masked: DB_PASS]');
  writeFileSync(p.beside('go'), '');
  await p.ok('wait');
  const logs = await p.ok('logs', '-n', 'all');
  expect(logs).toContain('[a] a has [masked: DB_PASS]');
  expect(logs).toContain('[b] b has [masked: DB_PASS]');
});

test('doctor says of which values it cannot be kept', async () => {
  const p = project();
  await p.instance.start();
  writeFileSync(join(p.instance.home, 'secrets.env'), 'PIN=1234\nFINE=long-enough-7\n', { mode: 0o600 });
  const { stdout } = await p.rasen('doctor');
  expect(stdout).toMatch(/warning\s+secrets: PIN in .*secrets\.env: too short or too common to be masked/);
  expect(stdout).not.toContain('FINE');
});
