/**
 * A look at a file, a folder or a process fails once, since no descriptors are left or a disk does not answer: what cannot be
 * seen for a moment is not taken for gone. RASEN_TEST_LONG=1: each look; else some of them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Errno, FaultShim, hasCompiler } from '../support/fault-shim.ts';
import { makeRepo, removeFolder, sh, type TestRepo, write } from '../support/git-repo.ts';
import { holdRepository } from '../support/hold-repository.ts';
import { LONG } from '../support/long.ts';

/** Looks of a short run. */
const SAMPLE = 6;
const ERRNOS: readonly Errno[] = ['EMFILE', 'EIO'];

interface Answer {
  commit?: string;
  path?: string;
  branch?: string;
  taken?: boolean;
  error?: string;
  trouble?: string | null;
}

const script = (name: string) => join(import.meta.dirname, '../support', name);
let t: TestRepo;
let tools: string;
let shim: FaultShim;
let children: ChildProcess[];

beforeEach(() => {
  children = [];
  if (!hasCompiler()) return;
  tools = mkdtempSync(join(tmpdir(), 'rl-'));
});
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  shim?.close();
  if (t) removeFolder(t.folder);
  if (tools) rmSync(tools, { recursive: true, force: true });
});

/** A process that does what it is asked, and can be made to fail. */
async function worker(isolation: 'clone' | 'linked'): Promise<(line: string) => Promise<Answer>> {
  t = await makeRepo(undefined, isolation);
  shim = new FaultShim(tools, t.folder);
  const args = [script('git-under-faults.ts'), t.repo.root, t.base, isolation, 'rasend.cjs'];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, GIT_CONFIG_NOSYSTEM: '1', ...shim.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  return async line => {
    child.stdin!.write(`${line}\n`);
    return JSON.parse(String((await lines.next()).value)) as Answer;
  };
}

const arm = (n: number, errno: Errno) => shim.arm(n, errno, ['open'], ['rasend']);

/** Numbers of looks that fail: all, or some from the first to the last of them. */
const chosen = (count: number) =>
  Array.from({ length: count }, (_, i) => i + 1).filter(n => LONG || n % Math.ceil(count / SAMPLE) === 1);

describe.skipIf(!hasCompiler())('one look fails (skipped without a C compiler)', () => {
  test.each(['linked', 'clone'] as const)('no worktree is lost, and no work in it (%s)', async isolation => {
    const ask = await worker(isolation);
    const first = await ask('work 1');
    expect(first.error).toBe(undefined);
    const path = first.path!;
    const inside = () => readdirSync(dirname(path)).sort();
    const before = inside();
    // As usual, counted.
    arm(0, 'EIO');
    expect((await ask('work 2')).error).toBe(undefined);
    const { count } = shim.seen();
    expect(count).toBeGreaterThan(SAMPLE);
    const wrong: string[] = [];
    let failed = 0;
    for (const [i, n] of chosen(count).entries()) {
      const attempt = i + 3;
      write(path, { 'work.txt': `work ${n}\n` });
      arm(n, ERRNOS[i % ERRNOS.length]!);
      const answer = await ask(`work ${attempt}`);
      const { what, fired } = shim.seen();
      shim.disarm();
      // The last looks of one life may not be there in the next.
      if (fired === 0) continue;
      if (answer.error !== undefined) failed++;
      if (answer.error !== undefined && answer.trouble === null) wrong.push(`${what}: ${answer.error}`);
      // And again, as whoever waits for the machine does.
      const again = await ask(`work ${attempt}`);
      if (again.path !== path || again.branch !== first.branch)
        wrong.push(`${what}: then ${JSON.stringify(again)}`);
      else {
        const work = sh(t.repo.root, 'show', `${again.commit}:work.txt`);
        if (work !== `work ${n}`) wrong.push(`${what}: sealed "${work}"`);
      }
      if (inside().join() !== before.join()) wrong.push(`${what}: beside the worktree are ${inside()}`);
    }
    console.log(
      `${isolation}: ${count} looks; ${failed} of those that failed were told, ${wrong.length} went wrong`,
    );
    expect(wrong.join('\n')).toBe('');
    // Some of them could not be done without.
    expect(failed).toBeGreaterThan(0);
  });

  test('a lock stays with the process that holds it', async () => {
    const ask = await worker('linked');
    expect((await ask('work 1')).error).toBe(undefined);
    const common = t.repo.common_dir;
    await holdRepository(common);
    arm(0, 'EIO');
    await ask('lock');
    const { count } = shim.seen();
    const seen: string[] = [];
    for (let n = 1; n <= count; n++) {
      arm(n, 'EMFILE');
      const answer = await ask('lock');
      seen.push(shim.seen().what);
      shim.disarm();
      expect(answer, shim.seen().what).toMatchObject({
        error: expect.anything(),
        trouble: expect.anything(),
      });
    }
    expect(seen.some(what => what.includes('/rasen'))).toBe(true);
  });
});
