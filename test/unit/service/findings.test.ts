/** What `rasen doctor` says from inside a supervisor that systemd runs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { insideFindings } from '../../../src/service/findings.ts';
import type { Run } from '../../../src/service/run.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rs-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const linux = test.runIf(process.platform === 'linux');
const finding = async (check: string, { enforces = [] as string[], lingers = true } = {}) => {
  const run: Run = async ([program]) => ({
    code: 0,
    stdout: program === 'loginctl' ? (lingers ? 'yes\n' : 'no\n') : 'systemd 257 (257)\n',
    stderr: '',
  });
  const found = await insideFindings({ env: { HOME: home, RASEN_SERVICE: 'user' }, enforces, run });
  return found.find(one => one.check === check);
};

linux('limits that the cage does not hold are named, with the controllers that they need', async () => {
  const all = ['memory_max_bytes', 'cpu_max_percent', 'tasks_max'];
  expect(await finding('controllers', { enforces: all })).toMatchObject({ level: 'ok' });
  expect(await finding('controllers', { enforces: ['cpu_max_percent'] })).toMatchObject({
    level: 'warning',
    message: 'limits have no effect: memory_max_bytes, tasks_max',
    fix: expect.stringContaining('controllers memory, pids of'),
  });
});

linux('a user without lingering is warned', async () => {
  expect(await finding('linger')).toMatchObject({ level: 'ok' });
  expect(await finding('linger', { lingers: false })).toMatchObject({
    level: 'warning',
    fix: expect.stringContaining('sudo loginctl enable-linger'),
  });
});
