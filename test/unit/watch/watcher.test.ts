/** The watcher as a process of its own, on a system with little room for watches. */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Said, WatchOrder } from '../../../src/watch/order.ts';

const MAIN = join(import.meta.dirname, '../../../src/watch/main.ts');
const LIMIT = '/proc/sys/user/max_inotify_watches';
/** A user namespace has limits of its own. */
const limited = (watches: number, program: string) => [
  ...['unshare', '-U', '-r', 'sh', '-c'],
  ...[`echo ${watches} > ${LIMIT} && exec "$@"`, 'sh', process.execPath, program],
];
const canLimit = spawnSync('unshare', ['-U', '-r', 'sh', '-c', `echo 9 > ${LIMIT}`]).status === 0;

let folder: string;
let root: string;
let child: ChildProcessByStdio<Writable, Readable, null>;
let said: Said[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-watch-'));
  root = join(folder, 'p');
  mkdirSync(root);
});
afterEach(async () => {
  child.stdin.end();
  if (child.exitCode === null) await new Promise(resolve => child.once('close', resolve));
  rmSync(folder, { recursive: true, force: true });
});

function watch([program, ...args]: string[]): void {
  child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  said = [];
  createInterface({ input: child.stdout }).on('line', line => said.push(JSON.parse(line)));
  const order: WatchOrder = {
    ...{ root, patterns: ['**'], ignore: [], outputs: [], debounce_ms: 50 },
    tree: join(folder, 'tree.jsonl'),
  };
  child.stdin.write(`${JSON.stringify(order)}\n`);
}

const changed = () => said.flatMap(one => ('changed' in one ? one.changed.paths : []));
const waitFor = (look: () => void) => vi.waitFor(look, 30_000);

test.skipIf(!canLimit)(
  'a change for which the system has no more watches is told of when the tree is looked through',
  async () => {
    writeFileSync(join(root, 'a'), '');
    // One for the folder, one for the file.
    watch(limited(2, MAIN));
    await waitFor(() => expect(said).toContainEqual({ ready: { files: 1 } }));
    mkdirSync(join(root, 'new/deep'), { recursive: true });
    writeFileSync(join(root, 'new/deep/file'), 'x');
    await waitFor(() => expect(said.map(one => Object.keys(one)[0])).toContain('polling'));
    await waitFor(() => expect(changed()).toEqual(['new/deep/file']));
    writeFileSync(join(root, 'a'), 'changed');
    await waitFor(() => expect(changed()).toEqual(['new/deep/file', 'a']));
  },
  400_000,
);
