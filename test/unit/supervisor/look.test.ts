/** Looks at services by a command, with real programs: as their service is started, and gone when the look is over. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LookedAt, lookerOf } from '../../../src/supervisor/effects/look.ts';
import { UNFENCED } from '../../../src/supervisor/effects/sandboxed.ts';
import { until } from '../../support/instance.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rasen-look-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const look = (script: string, more: Partial<LookedAt> = {}) =>
  lookerOf(
    { kind: 'command', run: ['sh', '-c', script] },
    {
      ...{ port: 20_123, folder, since_ms: 0, signal: new AbortController().signal },
      cwd: async () => folder,
      env: async () => ({ PATH: process.env.PATH!, SECRET: 's' }),
      fence: async () => UNFENCED,
      ...more,
    },
  )();

const text = (name: string) => readFileSync(join(folder, name), 'utf8').trim();
const isGone = (pid: number) =>
  !existsSync(`/proc/${pid}`) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test('runs as its service does: the sandbox wraps it, with the environment that is left for that', async () => {
  const fence = {
    wrap: (argv: readonly string[]) => ['env', 'WRAPPED=1', ...argv],
    env: ({ PATH }: Record<string, string>) => ({ PATH: PATH! }),
  };
  expect(await look('echo "$WRAPPED ${SECRET-none} ${PORT}" >seen', { fence: async () => fence })).toBeNull();
  expect(text('seen')).toBe('1 none 20123');
  expect(await look('exit 3', { fence: async () => fence })).toBe('sh ended with status 3');
});

test('is not made where the sandbox cannot be', async () => {
  const fence = () => Promise.reject(new Error('there is none'));
  expect([await look('touch made', { fence }), existsSync(join(folder, 'made'))]).toEqual([
    'there is none',
    false,
  ]);
});

test('leaves nothing of its group behind', async () => {
  expect(await look('sleep 300 & echo $! >pid')).toBeNull();
  await until('what it left is gone', () => isGone(Number(text('pid'))));
});

test('ends when nobody asks any more', async () => {
  const over = new AbortController();
  const found = look('sleep 300 & echo $! >pid; wait', { signal: over.signal });
  await until('it runs', () => existsSync(join(folder, 'pid')) && text('pid') !== '');
  over.abort();
  expect(await found).toBe('sh was ended by SIGKILL');
  await until('it is gone', () => isGone(Number(text('pid'))));
});
