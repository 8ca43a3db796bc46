/** Which values are masked besides the secrets of a task: what looks like a credential in an environment or an address. */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { mayNameSecret, passwordIn } from '../util/secret-shapes.ts';

export type NamedValue = readonly [name: string, value: string];

/** A name only says that there may be a secret: a short value is more likely a setting. */
const GUESSED_CHARS_MIN = 8;

/** Of variables: the values of those whose names tell, and passwords in addresses. */
export function secretLooking(env: Readonly<Record<string, string | undefined>>): NamedValue[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const password = passwordIn(value);
    if (password !== null)
      return [
        [name, password],
        [name, decoded(password)],
      ] as const;
    const told = mayNameSecret(name) && value.length >= GUESSED_CHARS_MIN && !isPlace(name, value);
    return told ? [[name, value] as const] : [];
  });
}

/** Of the address of a webhook: what comes behind the host, which is all that keeps others from using it. */
export function ofWebhook(url: string | null | undefined): NamedValue[] {
  if (!url || !URL.canParse(url)) return [];
  const { pathname, search, password } = new URL(url);
  const parts = [
    ...pathname.split('/').filter(part => part.length >= 2 * GUESSED_CHARS_MIN),
    search.slice(1),
    password,
  ];
  return parts.filter(part => part.length >= GUESSED_CHARS_MIN).map(part => ['notify.webhook', part]);
}

/** SSH_AUTH_SOCK, GOOGLE_APPLICATION_CREDENTIALS: where a credential is, and none. */
const isPlace = (name: string, value: string) =>
  name.endsWith('_SOCK') || (isAbsolute(value) && existsSync(value));

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
