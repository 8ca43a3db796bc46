/** A command and a supervisor that is older than it, as after an upgrade that did not restart the supervisor. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type * as z from 'zod';
import { runParams } from '../../src/contract/methods/task.run.ts';
import { taskSpec } from '../../src/contract/spec.ts';
import { invalidParams } from '../../src/rpc/message.ts';
import { buildCli, type CliBuild, runCli } from '../support/cli.ts';
import { commandView, FakeDaemon } from '../support/fake-daemon.ts';

let cli: CliBuild;
let daemon: FakeDaemon;
let folder: string;
beforeAll(async () => {
  cli = await buildCli();
});
afterAll(() => cli.remove());
beforeEach(() => {
  daemon = new FakeDaemon({});
  folder = mkdtempSync(join(tmpdir(), 'rasen-folder-'));
});
afterEach(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => runCli(cli, args, { home: daemon.home, cwd: folder });

type Known = { [name in keyof z.infer<typeof taskSpec>]?: true };

/** It takes orders as its release did, which did not know these keys. */
async function olderDaemon(unknown: Known): Promise<void> {
  const params = runParams.extend({ spec: taskSpec.omit(unknown) });
  Object.assign(daemon.methods, {
    'daemon.status': () => ({ pid: process.pid, version: '0' }),
    'task.run': (given: unknown) => {
      const parsed = params.safeParse(given);
      if (!parsed.success)
        throw invalidParams(
          parsed.error.issues.map(({ path, message }) => ({ path: path.map(String), message })),
        );
      return { created: true, notes: [], task: commandView() };
    },
  });
  await daemon.start();
}

/** With a configuration an order is complete: it says what is a default, too. */
const configure = () => writeFileSync(join(folder, 'rasen.yml'), '{}\n');

test('without a configuration nothing is said that is a default anyway', async () => {
  await olderDaemon({ sandbox: true, base_tests: true, base_config: true, auto_resume: true });
  expect(await run('run', '--background', '--', 'true')).toMatchObject({ code: 0 });
  expect(daemon.called('task.run')).toHaveLength(1);
});

test('what an older supervisor does not know is left out where that changes nothing', async () => {
  await olderDaemon({ sandbox: true, notify: true, base_tests: true });
  configure();
  expect(await run('run', '--background', '--', 'true')).toMatchObject({ code: 0 });
  const [first, second, ...more] = daemon.called('task.run') as { spec: object }[];
  expect(more).toEqual([]);
  expect(first!.spec).toMatchObject({ notify: null, base_tests: false });
  for (const key of ['sandbox', 'notify', 'base_tests']) expect(second!.spec).not.toHaveProperty(key);
});

test('what it would have to know is told in words, with the command that restarts it', async () => {
  // The umask and the limits of the shell are in every order.
  await olderDaemon({ process: true, base_tests: true });
  configure();
  const ran = await run('run', '--background', '--', 'true');
  expect(ran).toMatchObject({ code: 4, stdout: '' });
  expect(ran.stderr).toMatch(
    /rasend 0 is older than this rasen \(\S+\): it does not know .*\bspec\.process\b/,
  );
  // This one is of no service.
  expect(ran.stderr).toContain(`kill -USR2 ${process.pid}`);
  expect(daemon.called('task.run'), 'once more, without what is a default anyway').toHaveLength(2);
  const json = JSON.parse((await run('run', '--background', '--json', '--', 'true')).stdout);
  expect(json.error).toMatchObject({ kind: 'incompatible', data: { server: '0' } });
});

test('a list is one, without what an older supervisor cannot tell', async () => {
  daemon.methods['task.list'] = params => {
    if ('last_output' in params)
      throw invalidParams([{ path: [], message: 'Unrecognized key: "last_output"' }]);
    return [commandView()];
  };
  await olderDaemon({});
  expect(await run('list')).toMatchObject({ code: 0, stdout: expect.stringContaining(commandView().name) });
});

test('so is a command that is newer than the supervisor', async () => {
  await olderDaemon({});
  const ran = await run('note', 'x', 'hurry');
  expect(ran.code).toBe(4);
  expect(ran.stderr).toMatch(/rasend 0 is older than this rasen \(\S+\): it does not know task\.note\./);
});
