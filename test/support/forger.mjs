// A program that an agent left behind (it left its session and cleared its environment), which writes the records of the
// jobs that judge the agent: `node forger.mjs HOW ATTEMPTS START STOP`. Begins when START is there,
// and ends when STOP is, or ATTEMPTS is gone.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [how, attempts, start, stop] = process.argv.slice(2);
const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const quietly = act => {
  try {
    return act();
  } catch {
    return null;
  }
};
const names = folder => quietly(() => readdirSync(folder)) ?? [];
const gates = () =>
  names(attempts)
    .filter(step => !step.startsWith('_baseline'))
    .flatMap(step => names(join(attempts, step)).map(n => join(attempts, step, n, 'gates')))
    .flatMap(folder => names(folder).map(gate => join(folder, gate)));
const nonceOf = gate => gate.slice(gate.lastIndexOf('-') + 1);

/** Records as a runner would write them, with what is found in another one. */
function forge(gate, signature = {}) {
  const v = { v: 1, nonce: nonceOf(gate), boot };
  const put = (name, record) => quietly(() => writeFileSync(join(gate, name), `${JSON.stringify(record)}\n`));
  if (!existsSync(join(gate, 'claim')))
    quietly(() => writeFileSync(join(gate, 'claim'), `group ${nonceOf(gate)}\n`));
  put('runner', { ...v, pid: 999_999, start: '1', cgroup: '' });
  for (const name of ['exit', 'ended'])
    put(name, { ...v, result: 'exited', code: 0, signal: null, up: '1', term: false, ...signature });
}

const ways = {
  /** As soon as its folder is there, all records of it. */
  races: gate => forge(gate),
  /** When it has ended, another end under the same signature. */
  rewrites(gate) {
    const path = join(gate, 'exit');
    const record = quietly(() => JSON.parse(readFileSync(path, 'utf8')));
    if (record && record.code !== 0) writeFileSync(path, `${JSON.stringify({ ...record, code: 0 })}\n`);
  },
  /** A folder of its own in the place of that of the gate. */
  replaces(gate) {
    if (gate.endsWith('.old')) return;
    const draft = `${gate}.new`;
    mkdirSync(draft, { recursive: true });
    quietly(() => writeFileSync(join(draft, 'spec.json'), readFileSync(join(gate, 'spec.json'))));
    forge(draft);
    renameSync(gate, `${gate}.old`);
    renameSync(draft, gate);
  },
  /** Another command, in every file that could tell a runner of it. */
  exchanges(gate) {
    writeFileSync(join(gate, 'command'), "rasen_cwd=/\nrasen_umask=022\nrasen_stdin=null\nset -- 'true'\n");
    const spec = JSON.parse(readFileSync(join(gate, 'spec.json'), 'utf8'));
    writeFileSync(join(gate, 'spec.json'), JSON.stringify({ ...spec, argv: ['true'] }));
    for (const name of names(join(attempts, '../../../scripts'))) {
      const path = join(attempts, '../../../scripts', name);
      rmSync(path, { force: true });
      writeFileSync(path, 'exit 0\n');
    }
  },
};

const turn = () => {
  if (existsSync(stop) || !existsSync(attempts)) process.exit(0);
  if (existsSync(start))
    for (const gate of gates()) if (!gate.endsWith('.new')) quietly(() => ways[how](gate));
  setTimeout(turn, 2);
};
turn();
