/** Values behind references, with real files and programs; and that no message has anything of a value. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRasenError, type RasenError } from '../../../src/contract/errors.ts';
import type { SecretSource } from '../../../src/contract/spec.ts';
import type { Recipient } from '../../../src/engine/recipient.ts';
import { outputOf } from '../../../src/secrets/command.ts';
import { secretPlaces } from '../../../src/secrets/places.ts';
import { resolveSecrets } from '../../../src/secrets/resolve.ts';
import { until } from '../../support/instance.ts';

const VALUE = 'v4lue-0f-a-secret';
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'rasen-secrets-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (name: string, text: string, mode = 0o600) => {
  const path = join(home, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const RUN: Recipient = { command: 'run', agents: false };
const worldOf = (env: NodeJS.ProcessEnv = {}, platform: NodeJS.Platform = 'linux') => ({
  places: secretPlaces({ config: join(home, 'config/rasend.yml') } as never, { HOME: home, ...env }),
  env: { PATH: `${join(home, 'bin')}:${process.env.PATH}`, HOME: home },
  platform,
});
const lookUp = async (from: SecretSource, world = worldOf()) =>
  (await resolveSecrets({ TOKEN: { from, for: ['run'] } }, RUN, world)).TOKEN;
async function refusal(from: SecretSource, world = worldOf()): Promise<RasenError> {
  const value = await lookUp(from, world).catch(error => error);
  if (!isRasenError(value)) throw new Error(`not refused: ${value}`);
  const all = JSON.stringify([value.message, value.hint, value.data, value.stack]);
  expect(all).not.toContain(VALUE);
  expect(value.kind).toBe('secret');
  expect(value.message).toContain('the secret TOKEN (');
  expect(value.hint).toBeTruthy();
  return value;
}
const sh = (script: string): SecretSource => ({ cmd: ['sh', '-c', script] });

test('each kind of reference gives its value, without the line end', async () => {
  write('config/secrets.env', `A=other\nTOKEN="${VALUE} x"\n`);
  expect(await lookUp({ env: 'TOKEN' })).toBe(`${VALUE} x`);
  write('my token', `${VALUE}\n`);
  expect(await lookUp({ file: '~/my token' })).toBe(VALUE);
  expect(await lookUp({ file: join(home, 'my token') })).toBe(VALUE);
  expect(await lookUp(sh(`printf '%s\\n\\n' ${VALUE}`))).toBe(`${VALUE}\n`);
  write('creds/deploy', VALUE, 0o400);
  expect(await lookUp({ cred: 'deploy' }, worldOf({ CREDENTIALS_DIRECTORY: join(home, 'creds') }))).toBe(
    VALUE,
  );
});

test('a credential that the unit was not given is decrypted as the user', async () => {
  const file = write('config/credentials/deploy.cred', 'encrypted');
  write('bin/systemd-creds', `#!/bin/sh\necho "$@" > ${home}/asked\necho ${VALUE}\n`, 0o700);
  expect(await lookUp({ cred: 'deploy' })).toBe(VALUE);
  expect(readFileSync(join(home, 'asked'), 'utf8')).toBe(`decrypt --user --name=deploy ${file} -\n`);
  const { message, hint } = await refusal({ cred: 'other' });
  expect(message).toMatch(/\(cred:other\).*no credential other, and there is no file .*other\.cred$/);
  expect(hint).toContain('systemd-creds encrypt --user --name=other');
});

test('only those get a secret whom it is for', async () => {
  const secrets = {
    A: { from: sh('echo a'), for: ['agent' as const] },
    B: { from: sh('echo b'), for: ['gates' as const, 'agent' as const] },
    C: { from: sh('exit 1'), for: ['setup' as const] },
    D: { from: sh('echo d'), for: ['reviewer' as const, 'planner' as const] },
    E: { from: sh('echo e'), for: null },
    OPENAI_API_KEY: { from: sh('echo key'), for: null },
    GEMINI_API_KEY: { from: sh('echo key'), for: ['agent' as const, 'gates' as const] },
  };
  const got = async (who: Recipient) => Object.keys(await resolveSecrets(secrets, who, worldOf()));
  expect(await got({ role: 'coder', backend: 'codex' })).toEqual([
    ...['A', 'B', 'E', 'OPENAI_API_KEY', 'GEMINI_API_KEY'],
  ]);
  expect(await got({ role: 'reviewer', backend: 'claude' })).toEqual(['A', 'B', 'D', 'E', 'GEMINI_API_KEY']);
  expect(await got({ role: 'initializer', backend: 'command' })).toEqual(
    Object.keys(secrets).toSpliced(2, 1),
  );
  expect(await got({ command: 'gates', agents: true })).toEqual(['B', 'GEMINI_API_KEY']);
  expect(await got({ command: 'run', agents: true })).toEqual(['E']);
  expect(await got(RUN)).toEqual(['E', 'OPENAI_API_KEY']);
  await expect(got({ command: 'setup', agents: true })).rejects.toThrow('the secret C (cmd:sh)');
});

test('every time is a new look', async () => {
  write('t', 'one');
  expect(await lookUp({ file: '~/t' })).toBe('one');
  write('t', 'two');
  expect(await lookUp({ file: '~/t' })).toBe('two');
});

test.each([0o644, 0o640, 0o620])('a file of mode %o is no secret', async mode => {
  write('t', VALUE, mode);
  const { message, hint } = await refusal({ file: '~/t' });
  expect(message).toMatch(/\(file:~\/t\) cannot be used: .*\/t can be read or written by others$/);
  expect(hint).toBe(`Take that away: chmod 600 ${join(home, 't')}`);
  write('config/secrets.env', `TOKEN=${VALUE}`, mode);
  expect((await refusal({ env: 'TOKEN' })).message).toContain('can be read or written by others');
});

test('what is not there, is no file, is too large, empty or no text is told', async () => {
  expect((await refusal({ env: 'TOKEN' })).message).toContain('there is no file');
  expect((await refusal({ file: '/nowhere/at/all' })).message).toContain('there is no file /nowhere/at/all');
  expect((await refusal({ file: '~/' })).message).toContain('is not a file');
  execFileSync('mkfifo', [join(home, 'pipe')]);
  expect((await refusal({ file: '~/pipe' })).message).toContain('is not a file');
  write('big', VALUE.repeat(10_000));
  expect((await refusal({ file: '~/big' })).message).toContain('is larger than');
  write('empty', '\n');
  expect((await refusal({ file: '~/empty' })).message).toContain('is empty');
  write('nul', `${VALUE}\0${VALUE}`);
  expect((await refusal({ file: '~/nul' })).message).toContain('is no text');
  write('config/secrets.env', `OTHER=x\n${VALUE}\n`);
  expect((await refusal({ env: 'TOKEN' })).message).toMatch(/secrets\.env:2 is not NAME=VALUE$/);
  write('config/secrets.env', `OTHER=${VALUE}\n`);
  expect((await refusal({ env: 'TOKEN' })).message).toContain('has no line TOKEN=');
  expect((await refusal({ keychain: 'x', account: null })).message).toContain('is one of macOS');
});

test('a command that fails is quoted with its first line, and never with the value', async () => {
  const failed = await refusal(
    sh(`echo ${VALUE}; echo "item ${VALUE} is locked" >&2; echo more >&2; exit 3`),
  );
  expect(failed.message).toMatch(/\(cmd:sh\) cannot be used: sh ended with status 3: item … is locked$/);
  expect((await refusal({ cmd: ['no-such-program'] })).message).toContain(
    'it is not in the PATH of the task',
  );
  expect((await refusal(sh('kill -9 $$'))).message).toContain('was ended by SIGKILL');
  expect((await refusal(sh(`yes ${VALUE}`))).message).toContain('printed more than');
  expect((await refusal(sh('cat'))).message, 'it has no terminal and no input').toContain('is empty');
});

test('a command that does not end is ended with all that it started', async () => {
  const script = `sleep 300 & echo $! > pid; echo ${VALUE}; wait`;
  const command = {
    argv: ['sh', '-c', script],
    cwd: home,
    env: { PATH: process.env.PATH! },
    hint: 'Mend it.',
  };
  const looking = outputOf({ ...command, timeout_ms: 500 });
  await expect(looking).rejects.toThrow('sh did not end within 0.5 s');
  expect(existsSync(join(home, 'pid'))).toBe(true);
  const pid = Number(readFileSync(join(home, 'pid'), 'utf8'));
  await until('its child is gone', () => !existsSync(`/proc/${pid}`) || isZombie(pid));
});

test('a helper that a command leaves behind keeps nobody waiting, and lives on', async () => {
  const script = `sleep 300 & echo $! > pid; echo ${VALUE}`;
  const command = { argv: ['sh', '-c', script], cwd: home, env: { PATH: process.env.PATH! }, hint: '' };
  expect(await outputOf({ ...command, timeout_ms: 20_000 })).toBe(VALUE);
  const pid = Number(readFileSync(join(home, 'pid'), 'utf8'));
  process.kill(pid);
  await until('it is gone', () => !existsSync(`/proc/${pid}`) || isZombie(pid));
});

const isZombie = (pid: number) => / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
