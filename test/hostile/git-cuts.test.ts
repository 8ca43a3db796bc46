/**
 * The power goes between a lock of git and its rename: of refs, indexes, packed refs and objects, while work is sealed,
 * marked as good, merged, forgotten. The disk loses what was not synced (a shutdown of the file system that does not flush
 * its log), or had just written all, so that the lock stays; every process is gone, the boot id is another: then the task, the merge and the user's own git go on alone.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LONG } from '../support/long.ts';

const HERE = join(import.meta.dirname, 'power');
const KINDS = [
  ...['ref of the attempt', 'ref of the good commit', 'branch of the task', 'index of ours', 'objects'],
  ...['ref of the clone', "index of the user's checkout", "branch of the user's checkout", 'HEAD of a merge'],
  'packed refs',
];
/** Of each kind. */
const ROUNDS = Number(process.env.RASEN_TEST_CUTS ?? (LONG ? 10 : 0));
/** Without the long form: one each of the three effects. */
const SOME = ['ref of the good commit', "index of the user's checkout", 'packed refs'];
/** In memory, and short: a socket is in it. */
const MEMORY = '/dev/shm';
const DISK_BYTES = 256 * 1024 * 1024;

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const missing = [
  ...['strace', 'perl', 'mkfs.ext4', 'unshare'].filter(program => !has(program)),
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...(existsSync('/dev/loop-control') ? [] : ['loop devices']),
];

it.skipIf(missing.length > 0)(
  `power cuts inside of git's own steps${missing.length > 0 ? ` (needs ${missing.join(', ')})` : ''}`,
  async () => {
    const folder = mkdtempSync(join(MEMORY, 'rg.'));
    try {
      const cuts = ROUNDS > 0 ? Array.from({ length: ROUNDS }, () => KINDS).flat() : SOME;
      const { aimed, wrong } = await live(folder, cuts);
      console.log(`${cuts.length} cuts, ${aimed.length} in a lock that was held; ${wrong.length} wrong`);
      for (const kind of new Set(cuts))
        console.log(
          `${kind}: ${aimed.filter(one => one === kind).length} of ${cuts.filter(one => one === kind).length}`,
        );
      expect(wrong).toEqual([]);
      expect(new Set(aimed)).toEqual(new Set(cuts));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  LONG || ROUNDS > 0 ? 4 * 3_600_000 : 170_000,
);

/** One machine, switched on again after each cut. */
async function live(folder: string, cuts: readonly string[]): Promise<{ aimed: string[]; wrong: string[] }> {
  const place = join(folder, 'l');
  const image = join(folder, 'disk.img');
  mkdirSync(place);
  const fd = openSync(image, 'w');
  ftruncateSync(fd, DISK_BYTES);
  closeSync(fd);
  execFileSync('mkfs.ext4', ['-q', '-F', image], { stdio: 'ignore' });
  const aimed: string[] = [];
  const wrong: string[] = [];
  for (const [n, kind] of [...cuts, '-'].entries()) {
    const kept = ROUNDS === 0 || Math.floor(n / KINDS.length) % 2 === 0;
    const seen = await one([place, image], [String(n), kind, cuts[n - 1] ?? '-', kept ? 'kept' : 'lost']);
    if (seen.hit !== null) aimed.push(kind);
    wrong.push(...seen.wrong.map(text => `after ${cuts[n - 1]}: ${text}`));
    if (cuts.length > SOME.length) console.log(`${n}: ${JSON.stringify(seen)}`);
  }
  return { aimed, wrong };
}

async function one(
  [place, image]: [string, string],
  args: string[],
): Promise<{ hit: string | null; wrong: string[] }> {
  const script = [process.execPath, join(HERE, 'git-cut.ts'), place, ...args];
  const { stdout } = await promisify(execFile)(
    'unshare',
    [
      ...['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', join(HERE, 'namespaces.sh'), place, image, '--', ...script],
    ],
    { encoding: 'utf8', maxBuffer: 1 << 24 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}
