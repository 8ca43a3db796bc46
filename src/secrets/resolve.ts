/**
 * The values of a task's secrets, looked up anew whenever one of its programs starts, so that they are there after a
 * power cut and a changed one is used. Values are handed to the caller and stored nowhere; no message has anything of one.
 */
import { isRasenError, RasenError } from '../contract/errors.ts';
import type { SecretSource, TaskSpec } from '../contract/spec.ts';
import { isFor, type Recipient } from '../engine/recipient.ts';
import { sourceText } from '../engine/secret-source.ts';
import { lookUp, type SecretWorld } from './source.ts';
import { Unresolved } from './unresolved.ts';

/** The secrets that a program gets, as variables. Throws `secret` that names the one that is missing. */
export async function resolveSecrets(
  secrets: TaskSpec['secrets'],
  who: Recipient,
  world: SecretWorld,
): Promise<Record<string, string>> {
  const wanted = Object.entries(secrets).filter(([name, secret]) => isFor(who, name, secret.for));
  const found = await Promise.all(
    wanted.map(async ([name, { from }]) => [name, await resolveOne(name, from, world)] as const),
  );
  return Object.fromEntries(found);
}

/** Every secret that has a value now, and the names of those that have none. Never throws `secret`. */
export async function resolveWhatIsThere(
  secrets: TaskSpec['secrets'],
  world: SecretWorld,
): Promise<{ values: Record<string, string>; missing: string[] }> {
  const values: Record<string, string> = {};
  const missing: string[] = [];
  await Promise.all(
    Object.entries(secrets).map(async ([name, { from }]) => {
      try {
        values[name] = await resolveOne(name, from, world);
      } catch (error) {
        if (!isRasenError(error) || error.kind !== 'secret') throw error;
        missing.push(name);
      }
    }),
  );
  return { values, missing };
}

async function resolveOne(name: string, source: SecretSource, world: SecretWorld): Promise<string> {
  try {
    const value = await lookUp(source, world);
    if (value === '') throw new Unresolved('the value is empty', 'Write the value there.');
    if (value.includes('\0') || value.includes('\ufffd'))
      throw new Unresolved(
        'the value is no text',
        'A variable can hold text only: encode it, for example in base64.',
      );
    return value;
  } catch (error) {
    if (!(error instanceof Unresolved)) throw error;
    throw new RasenError(
      'secret',
      `the secret ${name} (${sourceText(source)}) cannot be used: ${error.message}`,
      {
        hint: error.hint,
        data: { secret: name, from: sourceText(source) },
      },
    );
  }
}
