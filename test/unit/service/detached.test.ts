/** Whom the end of a detached supervisor hits, whatever the files and the socket of its user claim. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { instancePaths } from '../../../src/paths.ts';
import { type Handler, type RpcServer, startServer } from '../../../src/rpc/server.ts';
import { detachedPid, endDetached } from '../../../src/service/detached.ts';
import type { Run } from '../../../src/service/run.ts';
import type { ServiceUser } from '../../../src/service/service.ts';

const ALICE = 4_190_001;
const root = process.getuid?.() === 0;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let folder: string;
let server: RpcServer | undefined;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-'));
  children = [];
});
afterEach(async () => {
  await server?.close(0);
  server = undefined;
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const paths = () => instancePaths({ RASEN_HOME: folder });
const lock = () => join(folder, 'rasend.lock');

function userWith(uid = userInfo().uid): ServiceUser {
  return {
    name: uid === ALICE ? 'alice' : userInfo().username,
    uid,
    gid: uid,
    home: folder,
    shell: '/bin/sh',
  };
}

function running(uid?: number): ChildProcess {
  const child = spawn('sleep', ['600'], { stdio: 'ignore', ...(uid === undefined ? {} : { uid }) });
  children.push(child);
  return child;
}

async function answersWith(pid: unknown): Promise<void> {
  const methods = new Map<string, Handler>([
    ['daemon.status', async () => ({ pid, version: '0', live_jobs: 0 }) as never],
  ]);
  server = await startServer({
    paths: paths(),
    methods,
    server: { name: 'fake', version: '0' },
    log: quiet as never,
  });
}

test.each([-1, 0, 1, 1.5, '12', Number.MAX_VALUE])('%j on the socket is no supervisor', async pid => {
  await answersWith(pid);
  expect(await detachedPid({ paths: paths(), user: userWith() }, null)).toBeNull();
});

test('a process of the user is, unless it is the one of the service', async () => {
  const { pid } = running();
  await answersWith(pid);
  expect(await detachedPid({ paths: paths(), user: userWith() }, null)).toBe(pid);
  expect(await detachedPid({ paths: paths(), user: userWith() }, pid!)).toBeNull();
});

test.runIf(root)('a process of somebody else is not', async () => {
  const { pid } = running();
  await answersWith(pid);
  expect(await detachedPid({ paths: paths(), user: userWith(ALICE) }, null)).toBeNull();
});

test.runIf(root && process.platform === 'linux')(
  'its lock names it, unless the file is of somebody else or a pipe',
  async () => {
    const user = userWith(ALICE);
    const asked = () => detachedPid({ paths: paths(), user }, null);
    chmodSync(folder, 0o755);
    writeFileSync(lock(), '');
    chownSync(lock(), ALICE, ALICE);
    const holder = spawn('sh', ['-c', 'echo $$ >"$0"; exec sleep 600 9<"$0"', lock()], {
      uid: ALICE,
      stdio: 'ignore',
    });
    children.push(holder);
    await expect.poll(asked).toBe(holder.pid);
    chownSync(lock(), 0, 0);
    expect(await asked()).toBeNull();
    chownSync(lock(), ALICE, ALICE);
    rmSync(lock());
    execFileSync('mkfifo', [lock()]);
    expect(await asked()).toBeNull();
  },
);

test('whoever asks for himself ends it himself', async () => {
  const run: Run = async argv => {
    throw new Error(`${argv} is not needed`);
  };
  const own = running();
  const ended = once(own, 'exit');
  await endDetached(own.pid!, userWith(), run);
  expect((await ended)[1]).toBe('SIGUSR2');
});

test.runIf(root)('as another user, root ends what that user may end, and nothing else', async () => {
  const alices = running(ALICE);
  const ended = once(alices, 'exit');
  await endDetached(alices.pid!, userWith(ALICE));
  expect((await ended)[1]).toBe('SIGUSR2');
  const roots = running();
  await expect(endDetached(roots.pid!, userWith(ALICE))).rejects.toMatchObject({
    kind: 'service',
    message: expect.stringContaining('cannot be ended as alice'),
  });
  expect(roots.exitCode).toBeNull();
  expect(roots.signalCode).toBeNull();
});
