import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Repositories } from '../../../src/gateway/repositories.ts';
import { gatewayPaths, hashOf } from '../../../src/gateway/state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a key has one id, also where a crash has left a file without one or half of a new one', () => {
  const paths = gatewayPaths(folder);
  mkdirSync(paths.keys, { recursive: true });
  writeFileSync(join(paths.keys, hashOf('torn')), '');
  const first = new Repositories(paths).idFor('torn');
  expect(first).toMatch(/^[0-9a-z]{26}$/);
  expect(new Repositories(paths).idFor('torn')).toBe(first);
  const other = new Repositories(paths).idFor('other');
  expect(other).not.toBe(first);
  expect(new Repositories(paths).idFor('other')).toBe(other);
  expect(readdirSync(paths.keys).sort()).toEqual([hashOf('torn'), hashOf('other')].sort());
});
