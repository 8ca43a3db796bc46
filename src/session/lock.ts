/**
 * Two processes never work in one session. Who works in it has a link in the folder of locks whose target is the
 * identity of its process: made at once with all that is in it, under a name that nobody else has. Who comes makes its
 * own first and then looks for others: of two that come at once at least one sees the other and goes. Links of dead
 * processes hold nothing, and since nobody will have their names again, whoever sees them removes them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootId, type Identity, isAlive, startTimeOf } from '../runner/identity.ts';

/** How often two that came at once try again, and how long each waits at most, in ms. */
const TRIES = 5;
const PAUSE_MS_MAX = 100;
const MAX_ID_CHARS = 120;

export class SessionLocks {
  readonly #folder: string;
  readonly #kind: string;
  /** Paths of our links, and by session. */
  readonly #links = new Set<string>();
  readonly #sessions = new Set<string>();
  #agent: number | null = null;

  constructor(folder: string, kind: string) {
    this.#folder = folder;
    this.#kind = kind;
  }

  /** False: a living process works in the session. Taken again by its holder: true. */
  async take(session: string): Promise<boolean> {
    if (this.#sessions.has(session)) return true;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const name = `${this.#kind}-${nameOf(session)}.`;
    for (let n = 0; n < TRIES; n++) {
      if (n > 0) await sleep(Math.random() * PAUSE_MS_MAX);
      if (this.#isHeld(name)) continue;
      const link = this.#link(name, process.pid);
      if (link === null || !this.#isHeld(name)) {
        this.#sessions.add(session);
        if (this.#agent !== null) this.#link(name, this.#agent);
        return true;
      }
      rmSync(link, { force: true });
      this.#links.delete(link);
    }
    return false;
  }

  /** The agent's process holds them too: it may outlive ours. */
  holdFor(pid: number): void {
    this.#agent = pid;
    for (const session of this.#sessions) this.#link(`${this.#kind}-${nameOf(session)}.`, pid);
  }

  release(): void {
    for (const link of this.#links) rmSync(link, { force: true });
    this.#links.clear();
    this.#sessions.clear();
  }

  /** null: the process is gone already. */
  #link(name: string, pid: number): string | null {
    const start = startTimeOf(pid);
    if (start === null) return null;
    const link = join(this.#folder, `${name}${pid}-${randomBytes(4).toString('hex')}.lock`);
    symlinkSync(JSON.stringify({ boot: bootId(), pid, start } satisfies Identity), link);
    this.#links.add(link);
    return link;
  }

  /** By somebody else who lives. Removes what dead processes left, of any session. */
  #isHeld(name: string): boolean {
    let held = false;
    for (const entry of readdirSync(this.#folder)) {
      const path = join(this.#folder, entry);
      if (!entry.endsWith('.lock') || this.#links.has(path)) continue;
      const identity = readLink(path);
      if (identity === null) continue;
      if (!isAlive(identity)) rmSync(path, { force: true });
      else if (entry.startsWith(name)) held = true;
    }
    return held;
  }
}

/** null: it was removed meanwhile, or is none of ours. */
function readLink(path: string): Identity | null {
  try {
    return JSON.parse(readlinkSync(path));
  } catch {
    return null;
  }
}

/** As part of a file name; without dots, which end it. */
function nameOf(session: string): string {
  const name = encodeURIComponent(session).replaceAll('.', '%2E');
  return name.length <= MAX_ID_CHARS ? name : createHash('sha256').update(session).digest('hex');
}
