/** The machine is kept awake while attempts run: by a stand-in for systemd-inhibit that says what it was asked for. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KeepAwake } from '../../../src/supervisor/keep-awake.ts';
import { until } from '../../support/instance.ts';

let folder: string;
const logged: string[] = [];
const log = { info: (_: object, text: string) => logged.push(text), warn: () => {}, error: () => {} };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-'));
  logged.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const lines = (name: string) =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean) : [];

/** Notes its arguments and its end; `refuses`: what it may not hold. */
function standIn(refuses = 'nothing'): NodeJS.ProcessEnv {
  const path = join(folder, 'systemd-inhibit');
  writeFileSync(
    path,
    `#!/bin/sh
echo "$1 $4" >> "${folder}/asked"
case "$1" in *=${refuses}) exit 1;; esac
cat
echo over >> "${folder}/ended"
`,
  );
  chmodSync(path, 0o755);
  return { PATH: `${folder}${delimiter}${process.env.PATH}` };
}
const keep = (env: NodeJS.ProcessEnv, enabled = true) =>
  new KeepAwake(enabled, { platform: 'linux', env, log });

test('one lock is held while anything runs, and let go when the supervisor ends', async () => {
  const awake = keep(standIn());
  awake.busy(true);
  awake.busy(true);
  await until('the lock', () => lines('asked').length > 0);
  awake.busy(false);
  awake.busy(true);
  expect(lines('asked')).toEqual(['--what=idle:sleep --mode=block']);
  expect(lines('ended')).toEqual([]);
  awake.close();
  await until('it is let go', () => lines('ended').length > 0);
});

test('it is let go some time after the last attempt', async () => {
  const awake = keep(standIn());
  awake.busy(true);
  await until('the lock', () => lines('asked').length > 0);
  awake.busy(false);
  await until('it is let go', () => lines('ended').length > 0);
  awake.busy(true);
  await until('the lock again', () => lines('asked').length > 1);
  awake.close();
  await until('it is let go again', () => lines('ended').length > 1);
});

test('where sleep may not be held off, idleness is; where nothing can be, it is said once', async () => {
  const awake = keep(standIn('idle:sleep'));
  awake.busy(true);
  await until('the second way', () => lines('asked').length === 2);
  expect(lines('asked')[1]).toBe('--what=idle --mode=block');
  awake.close();
  await until('it is let go', () => lines('ended').length > 0);

  const none = keep({ PATH: join(folder, 'empty') });
  none.busy(true);
  await until('it is said', () => logged.length > 0);
  none.busy(true);
  none.busy(true);
  expect(logged).toHaveLength(1);
  none.close();
});

test('switched off it holds nothing, and can be switched while it runs', async () => {
  const awake = keep(standIn(), false);
  awake.busy(true);
  awake.enable(true);
  await until('the lock', () => lines('asked').length > 0);
  awake.enable(false);
  await until('it is let go', () => lines('ended').length > 0);
  expect(lines('asked')).toHaveLength(1);
  awake.close();
});
