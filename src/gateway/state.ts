/**
 * The gateway's own small state: `gateway/` in the folder of the state, mode 0700. Tokens and sessions are kept as
 * hashes, so that whoever reads the files cannot log in with what is in them. Files are replaced whole, and read again
 * for each request: `rasen token revoke` counts at once.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type * as z from 'zod';
import { errnoOf, messageOf, RasenError } from '../contract/errors.ts';

export interface GatewayPaths {
  folder: string;
  tokens: string;
  sessions: string;
  /** One file per pairing code. */
  codes: string;
  /** Mirrors of repositories that tasks were asked for by URL. */
  repositories: string;
  /** Checkouts of those tasks. */
  checkouts: string;
  /** Triggers that may be called from outside, with their secrets. */
  hooks: string;
  /** Ids of tasks by the keys of their orders. */
  keys: string;
  /** Credentials that came with a request, one file a task. */
  credentials: string;
  /** Where the gateway listens, while it does. */
  running: string;
  /** Of one that `rasen web` has started. */
  log: string;
  /** What pushes have made of tasks, so that it is made once: a folder a task. */
  commits: string;
  /** Who pushed and opened what: one JSON object a line. */
  decisions: string;
}

export function gatewayPaths(home: string): GatewayPaths {
  const folder = join(home, 'gateway');
  const at = (name: string) => join(folder, name);
  return {
    folder,
    tokens: at('tokens.json'),
    sessions: at('sessions.json'),
    codes: at('codes'),
    repositories: at('repositories'),
    checkouts: at('checkouts'),
    hooks: at('hooks.json'),
    keys: at('keys'),
    credentials: at('credentials'),
    running: at('running.json'),
    log: at('gateway.log'),
    commits: at('commits'),
    decisions: at('decisions.ndjson'),
  };
}

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** 256 bits of chance, in characters that need no quotes. */
export const newSecret = () => randomBytes(32).toString('base64url');

export const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex');

/** A JSON file that is read again when it changed. */
export class StateFile<S extends z.ZodType> {
  readonly #path: string;
  readonly #schema: S;
  readonly #empty: z.output<S>;
  #known: { stamp: string; value: z.output<S> } | null = null;

  constructor(path: string, schema: S, empty: z.output<S>) {
    this.#path = path;
    this.#schema = schema;
    this.#empty = empty;
  }

  /** Throws `damaged`: with tokens that cannot be read nobody gets in, instead of everybody. */
  read(): z.output<S> {
    try {
      const stat = statSync(this.#path, { bigint: true });
      const stamp = `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
      if (this.#known?.stamp === stamp) return this.#known.value;
      const value = this.#schema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
      this.#known = { stamp, value };
      return value;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return this.#empty;
      throw new RasenError('damaged', `${this.#path} cannot be read: ${messageOf(error)}`, {
        hint: 'Move it away; what it held has to be made again.',
        cause: error,
      });
    }
  }

  write(value: z.output<S>): void {
    try {
      makeFolder(join(this.#path, '..'));
      writeFileAtomic.sync(this.#path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    } catch (error) {
      throw new RasenError('storage', `${this.#path} cannot be written: ${messageOf(error)}`, {
        cause: error,
      });
    }
    this.#known = null;
  }
}
