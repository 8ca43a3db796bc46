/** rasend.yml: every setting has its default, can be set, and is refused with its place when it is wrong. */
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSettings, SETTINGS, startSettings } from '../../../src/supervisor/settings.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rs-'));
  path = join(folder, 'rasend.yml');
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (text: string, env: NodeJS.ProcessEnv = {}) => {
  writeFileSync(path, text);
  return readSettings(path, env);
};
const DEFAULTS = {
  max_live_jobs: 100,
  groups: {},
  disk_min_bytes: 256 * 1024 * 1024,
  disk_min_inodes: 1000,
  log_level: 'info',
  log: 'auto',
  cage: 'auto',
  sandbox: 'on',
  keep_awake: true,
  pack_after_seconds: 60,
  gc_after_seconds: 90 * 86_400,
  gc_size_bytes: 1024 ** 3,
};

test('without a file, and with one that says the documented defaults, it is the same', () => {
  expect(readSettings(path, {})).toEqual(DEFAULTS);
  const text = Object.entries(SETTINGS).map(([key, row]) => `${key}: ${row.default}\n`);
  expect(read(text.join(''))).toEqual(DEFAULTS);
});

test('each can be set', () => {
  const text =
    'max_live_jobs: 2\ngroups: {build: 2}\ndisk_min: 1kb\ndisk_min_inodes: 7\nlog_level: warn\nlog: rolling\ncage: group\nsandbox: off\nkeep_awake: false\npack_after: 1h\ngc_after: 7d\ngc_size: 10mb\n';
  const wanted = {
    max_live_jobs: 2,
    groups: { build: 2 },
    disk_min_bytes: 1024,
    disk_min_inodes: 7,
    log_level: 'warn',
    log: 'rolling',
    cage: 'group',
    sandbox: 'off',
    keep_awake: false,
    pack_after_seconds: 3600,
    gc_after_seconds: 7 * 86_400,
    gc_size_bytes: 10 * 1024 * 1024,
  };
  expect(read(text)).toEqual(wanted);
});

test('what is no file at all keeps no supervisor from starting; a wrong file does', () => {
  mkdirSync(path);
  expect(startSettings(path, {})).toEqual({
    settings: DEFAULTS,
    problem: `${path} is not a regular file; all settings have their defaults`,
  });
  rmdirSync(path);
  writeFileSync(path, 'logs: file\n');
  expect(() => startSettings(path, {})).toThrow('unknown key');
});

test('RASEN_CAGE and RASEN_SANDBOX are used instead of the settings; an empty one is none', () => {
  expect(read('cage: group\n', { RASEN_CAGE: 'unit' }).cage).toBe('unit');
  expect(read('cage: group\n', { RASEN_CAGE: '' }).cage).toBe('group');
  expect(read('sandbox: on\n', { RASEN_SANDBOX: 'off' }).sandbox).toBe('off');
  expect(() => read('', { RASEN_SANDBOX: 'no' })).toThrow('RASEN_SANDBOX is "no", wanted on, off.');
  expect(() => read('', { RASEN_CAGE: 'jail' })).toThrow('RASEN_CAGE is "jail", wanted auto, unit, group.');
});

test.each([
  [
    'log: syslog\n',
    ':1:6: log: found "syslog", wanted "auto" or "journal" or "stderr" or "file" or "rolling"',
  ],
  ['max_live_jobs: 1\ncage: jail\n', ':2:7: cage: found "jail", wanted "auto" or "unit" or "group"'],
  ['groups: 2\n', ':1:9: groups: found 2, wanted a map of names and numbers'],
  ['groups: {gpu: 0}\n', ':1:15: groups.gpu: found 0, wanted a whole number from 1 to 10000'],
  ['logs: file\n', ':1:1: logs: unknown key'],
])('%j is refused with its place', (text, words) => {
  expect(() => read(text)).toThrow(`${path}${words}`);
});
