/** The value behind each kind of reference, as it is now. Used by resolve.ts alone. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SecretSource } from '../contract/spec.ts';
import { outputOf, withoutLineEnd } from './command.ts';
import { parseEnvFile } from './env-file.ts';
import type { SecretPlaces } from './places.ts';
import { readPrivate } from './private-file.ts';
import { Unresolved } from './unresolved.ts';

export interface SecretWorld {
  places: SecretPlaces;
  /** The environment of commands that print secrets: that of the task, as it was at submit. */
  env: Record<string, string>;
  platform: NodeJS.Platform;
}

/** Throws Unresolved. */
export async function lookUp(source: SecretSource, world: SecretWorld): Promise<string> {
  const { places } = world;
  if ('env' in source) return await fromSecretsEnv(source.env, places.secrets_env);
  if ('file' in source) {
    const path = source.file.startsWith('~/') ? join(places.home, source.file.slice(2)) : source.file;
    return withoutLineEnd(await readPrivate(path, { system: 'ok' }));
  }
  if ('cmd' in source)
    return await outputOf({
      argv: source.cmd,
      cwd: places.home,
      env: world.env,
      hint: 'Run it by hand and see; it must print the value alone, and ask nobody.',
    });
  if ('cred' in source) return await fromCredentials(source.cred, world);
  return await fromKeychain(source, world);
}

async function fromSecretsEnv(name: string, path: string): Promise<string> {
  const values = parseEnvFile(await readPrivate(path, { system: 'no' }));
  if ('bad_line' in values)
    throw new Unresolved(`${path}:${values.bad_line} is not NAME=VALUE`, 'Correct the line.');
  const value = values.get(name);
  if (value === undefined)
    throw new Unresolved(`${path} has no line ${name}=…`, `Add the line ${name}=… to it.`);
  return value;
}

/** First what systemd decrypted for rasend's unit, then a file that the user encrypted. */
async function fromCredentials(name: string, { places, env, platform }: SecretWorld): Promise<string> {
  const given = places.unit_credentials === null ? null : join(places.unit_credentials, name);
  if (given !== null && existsSync(given)) return withoutLineEnd(await readPrivate(given, { system: 'ok' }));
  const file = join(places.credentials, `${name}.cred`);
  const make = `Make it: systemd-creds encrypt --user --name=${name} - ${file}`;
  if (platform !== 'linux')
    throw new Unresolved('there is no systemd on this system', 'Use another kind of reference.');
  if (!existsSync(file))
    throw new Unresolved(
      `the unit of rasend has no credential ${name}, and there is no file ${file}`,
      `${make}; or give it to the unit with LoadCredential=.`,
    );
  return await outputOf({
    argv: ['systemd-creds', 'decrypt', '--user', `--name=${name}`, file, '-'],
    cwd: places.home,
    env,
    hint: `systemd 256 or newer can do this. ${make}`,
  });
}

async function fromKeychain(
  { keychain, account }: { keychain: string; account: string | null },
  { places, env, platform }: SecretWorld,
): Promise<string> {
  if (platform !== 'darwin')
    throw new Unresolved('the keychain is one of macOS', 'Use another kind of reference.');
  return await outputOf({
    argv: [
      ...['/usr/bin/security', 'find-generic-password', '-s', keychain],
      ...(account === null ? [] : ['-a', account]),
      '-w',
    ],
    cwd: places.home,
    env,
    hint: 'The keychain must be unlocked: a service that starts before the login has no login keychain.',
  });
}
