/** Which values are masked besides the secrets of a task: what looks like a credential in an environment or an address. */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { isSecretName, mayNameSecret, passwordIn } from '../util/secret-shapes.ts';

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
    return isTold(name, value) ? [[name, value] as const] : [];
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

function isTold(name: string, value: string): boolean {
  if (!mayNameSecret(name) || value.length < GUESSED_CHARS_MIN || isPlace(name, value)) return false;
  // AUTH_PROVIDER=keycloak: where the name leaves it open, words are a setting.
  return endsAsSecret(name) || !/^[a-z]+(?:[-_. ][a-z]+)*$/i.test(value);
}

/** SSH_AUTH_SOCK, GOOGLE_APPLICATION_CREDENTIALS, OAUTH_CALLBACK_URL: where a credential is, and none. */
const isPlace = (name: string, value: string) =>
  name.endsWith('_SOCK') ||
  /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ||
  (isAbsolute(value) && existsSync(value));

const endsAsSecret = (name: string) => isSecretName(name) || /_(?:KEY|PASS|PAT|HEADERS)$/i.test(name);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
