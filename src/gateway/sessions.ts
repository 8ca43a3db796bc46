/**
 * Logins of browsers. A pairing code is good once and for a minute; it is exchanged by POST for a cookie. Neither stands
 * in a URL that a server sees: `rasen web` puts the code behind the `#`.
 */
import { timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { RasenError } from '../contract/errors.ts';
import { ulid } from '../util/ulid.ts';
import { type GatewayPaths, hashOf, makeFolder, newSecret, StateFile } from './state.ts';
import { type Principal, SCOPES, type Scope } from './who.ts';

/** How long a pairing code is good. */
export const CODE_MS = 60_000;
/** A browser that was not there for so long logs in again. */
export const SESSION_MS = 30 * 24 * 3_600_000;
const SESSIONS_MAX = 50;
const CODES_MAX = 20;

const sessionFile = z.object({
  version: z.literal(1),
  sessions: z
    .array(
      z.object({
        name: z.string(),
        scopes: z.array(z.enum(SCOPES)),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        created_at: z.string(),
        expires_at: z.string(),
        agent: z.string().describe('What the browser calls itself; proves nothing.'),
      }),
    )
    .max(SESSIONS_MAX),
});
const codeFile = z.object({ scopes: z.array(z.enum(SCOPES)), expires_at: z.number() });
type SessionRow = z.infer<typeof sessionFile>['sessions'][number];
export type SessionInfo = Omit<SessionRow, 'sha256'>;

export class Sessions {
  readonly #file: StateFile<typeof sessionFile>;
  readonly #codes: string;

  constructor({ sessions, codes }: Pick<GatewayPaths, 'sessions' | 'codes'>) {
    this.#file = new StateFile(sessions, sessionFile, { version: 1, sessions: [] });
    this.#codes = codes;
  }

  list(): SessionInfo[] {
    return this.#live().map(({ sha256: _, ...info }) => info);
  }

  /** A new pairing code, for whoever can write to the folder: the user. */
  newCode(scopes: readonly Scope[] = SCOPES, now = Date.now()): string {
    makeFolder(this.#codes);
    this.#dropOldCodes(now);
    const code = newSecret();
    const text = JSON.stringify({ scopes, expires_at: now + CODE_MS });
    writeFileSync(join(this.#codes, hashOf(code)), text, { mode: 0o600, flag: 'wx' });
    return code;
  }

  /** The cookie of a new session. Throws `not_permitted` for a code that was used, is too old, or is none. */
  pair(code: string, agent: string, now = Date.now()): { secret: string; session: SessionInfo } {
    const path = join(this.#codes, hashOf(code));
    let found: z.infer<typeof codeFile> | null = null;
    try {
      found = codeFile.parse(JSON.parse(readFileSync(path, 'utf8')));
      // Whoever removes it has it: two that come with one code cannot both.
      rmSync(path);
    } catch {
      found = null;
    }
    if (!found || found.expires_at < now)
      throw new RasenError('not_permitted', 'The pairing code was used already, or is too old.', {
        hint: 'Get another one: rasen web',
      });
    const secret = newSecret();
    const row: SessionRow = {
      name: `web-${ulid(now).slice(-6)}`,
      scopes: found.scopes,
      sha256: hashOf(secret),
      created_at: new Date(now).toISOString(),
      expires_at: new Date(now + SESSION_MS).toISOString(),
      agent: agent.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 120),
    };
    const live = this.#live(now);
    this.#file.write({ version: 1, sessions: [...live, row].slice(-SESSIONS_MAX) });
    const { sha256: _, ...session } = row;
    return { secret, session };
  }

  verify(secret: string): Principal | null {
    const given = Buffer.from(hashOf(secret), 'hex');
    let found: SessionRow | null = null;
    for (const row of this.#live()) if (timingSafeEqual(Buffer.from(row.sha256, 'hex'), given)) found = row;
    return found && { by: 'session', name: found.name, scopes: new Set(found.scopes) };
  }

  /** False: there is none of this name. */
  revoke(name: string): boolean {
    const live = this.#live();
    const left = live.filter(row => row.name !== name);
    if (left.length === live.length) return false;
    this.#file.write({ version: 1, sessions: left });
    return true;
  }

  #live(now = Date.now()): SessionRow[] {
    return this.#file.read().sessions.filter(row => Date.parse(row.expires_at) > now);
  }

  #dropOldCodes(now: number): void {
    const files = readdirSync(this.#codes).map(name => join(this.#codes, name));
    for (const [i, file] of files.entries()) {
      try {
        const { expires_at } = codeFile.parse(JSON.parse(readFileSync(file, 'utf8')));
        if (expires_at < now || i >= CODES_MAX) rmSync(file);
      } catch {
        rmSync(file, { force: true });
      }
    }
  }
}
