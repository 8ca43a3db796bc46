/**
 * What secrets look like: tokens by the fixed shapes that their issuers give them, and variables by their names. No
 * guessing by entropy: whoever asks stops somebody's work, so it has to be right.
 */

interface Shape {
  what: string;
  token: RegExp;
  /** The text must also say this; for shapes that are not secret as such. */
  context?: RegExp;
}

const SHAPES: readonly Shape[] = [
  { what: 'an AWS access key', token: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/ },
  { what: 'a GitHub token', token: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})\b/ },
  { what: 'a GitLab token', token: /\bglpat-[A-Za-z0-9_-]{20,}/ },
  { what: 'an npm token', token: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { what: 'an Anthropic key', token: /\bsk-ant-[A-Za-z0-9_-]{20,}/ },
  {
    what: 'an API key (sk-…)',
    // Letters of both cases and a digit: names in style sheets (sk-fading-circle…) have no capitals.
    token: /\bsk-(?!ant-)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[A-Za-z0-9_-]{32,}/,
  },
  { what: 'a Stripe key', token: /\b[rs]k_live_[A-Za-z0-9]{20,}\b/ },
  { what: 'a Slack token', token: /\bxox[abeoprs]-[0-9A-Za-z-]{20,}/ },
  { what: 'a Google API key', token: /\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/ },
  {
    what: 'a signed token (JWT)',
    token: /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}/,
    context: /token|authorization|bearer|secret|api[_-]?key|jwt|password/i,
  },
];

/** Claims of the sample token of jwt.io, in half of all documentation. */
const SAMPLE_JWT = 'eyJzdWIiOiIxMjM0NTY3ODkwIiwi';

/** Names of variables whose values are secrets: the last words tell (API_KEY, not API_KEY_FILE). */
const SECRET_NAME =
  /(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_KEY(?:_ID)?|SECRET_KEY|PRIVATE_KEY)$/i;

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Names that may be those of secrets (POETRY_PYPI_TOKEN_MINE, COMPOSER_AUTH); for whoever would rather take one too many. */
const MAY_NAME_SECRET =
  /TOKEN(?!S)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY|AUTH(?!OR)|_(?:KEY|PASS|PAT|HEADERS)$/i;

export function mayNameSecret(name: string): boolean {
  return MAY_NAME_SECRET.test(name);
}

/** A password in an address (PIP_INDEX_URL). */
const PASSWORD_IN_URL = /:\/\/[^/@\s]*:([^/@\s]+)@/;

export function hasPassword(value: string): boolean {
  return PASSWORD_IN_URL.test(value);
}

/** The password in an address, as it stands there; null without one. */
export function passwordIn(value: string): string | null {
  return PASSWORD_IN_URL.exec(value)?.[1] ?? null;
}

/** What kind of token is in the text, or null. */
export function tokenIn(text: string): string | null {
  for (const { what, token, context } of SHAPES) {
    const found = token.exec(text)?.[0];
    if (found === undefined || isPlaceholder(found)) continue;
    if (context && !context.test(text.replace(found, ''))) continue;
    return what;
  }
  return null;
}

/** `ghp_xxxxxxxx…`, AKIAIOSFODNN7EXAMPLE and their like, as documentation writes them. */
function isPlaceholder(token: string): boolean {
  if (/example|placeholder|your|dummy|changeme/i.test(token) || token.includes(SAMPLE_JWT)) return true;
  const body = token.slice(-16).toLowerCase();
  return new Set(body).size < 5 || 'abcdefghijklmnopqrstuvwxyz0123456789'.includes(body);
}
