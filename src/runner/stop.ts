/**
 * Empties the cage of one attempt, whatever its state: not started, running, recording, or over with leftovers. Used by
 * the supervisor for stops and sweeps. Every signal goes to one process whose identity was verified right before.
 *
 *   fence ──► asking ──► terminating ──grace over, or forced──► killing ──► empty
 *               └─────────────┴────────── no member left ──────────────────┘
 *
 * asking: SIGTERM to the session program alone, where there is one: it interrupts the agent, which can then hand off.
 * terminating: SIGTERM (and SIGCONT) once to every member, also to those that appear later.
 * killing: the cage frozen, or SIGSTOP until a look finds nobody new (so that a fork bomb stands still), then SIGKILL to all.
 * In all, the runner is spared so that it can record the end; it is killed when it has no members and does not. One that
 * has stopped itself, because the disk does not take the record, is let try again, and only killed when nobody waits any more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RasenError } from '../contract/errors.ts';
import { readAttempt, SESSION_FILE } from './attempt-dir.ts';
import { cageOf } from './cage/attempt-cage.ts';
import type { AttemptCage } from './cage/cage.ts';
import { isAlive, isStopped } from './identity.ts';
import {
  ASK_MS_MAX,
  EMPTY_PASSES,
  FINISH_MS_MAX,
  FREEZE_PASSES_MAX,
  KILL_MS_MAX,
  RECORD_MS_MAX,
  STOP_POLL_MS_MAX,
  STOP_POLL_MS_MIN,
} from './limits.ts';
import type { Member } from './members.ts';
import { isMonitor } from './monitor.ts';
import { RUNNER_NAME } from './order.ts';
import { parseIdentity, type RunnerMark } from './records.ts';
import { readSmall } from './small-file.ts';
import { fence } from './start.ts';

export interface StopOptions {
  /** By which the records of its runner are known. */
  mark: RunnerMark;
  /** Default: the one that the attempt's directory names. */
  cage?: AttemptCage;
  /** Time between SIGTERM and SIGKILL, in ms. */
  grace_ms: number;
  /** Told once per step, when it begins. */
  onStep?: (step: 'sigterm' | 'sigkill' | 'empty') => void;
  /** Raised: do not wait for the grace any longer. */
  signal?: AbortSignal;
}

/**
 * Resolves when no process of the attempt is left, and none can appear. Throws `task_state` with the pids when some
 * outlive SIGKILL (uninterruptible sleep, another user's), `storage` when the attempt cannot be fenced.
 */
export async function stopAttempt(dir: string, marker: string, options: StopOptions): Promise<'empty'> {
  const { onStep } = options;
  fence(dir);
  let first_look: number | null = null;
  const told = new Set<string>();
  const terminated = new Set<string>();
  let killing: number | null = null;
  let alone: number | null = null;
  let empty = 0;
  let pause = STOP_POLL_MS_MIN;
  const step = (name: 'sigterm' | 'sigkill' | 'empty') => {
    if (told.has(name)) return;
    told.add(name);
    onStep?.(name);
  };

  for (;;) {
    const { identity, exit } = readAttempt(dir, options.mark);
    // Each time anew: a runner that was on its way tells only now where it is.
    const cage = options.cage ?? cageOf(dir, options.mark);
    const finishing = cage.finishing?.() ?? false;
    const recording = (identity !== null && isAlive(identity)) || finishing;
    // Without an end, and without a runner where the record says: the record may be damaged, so it limits nothing.
    const lost = !recording && !exit;
    const look = () => {
      const found = cage.members({ marker, identity, up: exit?.up });
      return lost ? union(found, cage.members({ marker, identity: null })) : found;
    };
    const members = look();
    const now = performance.now();
    first_look ??= now;
    const waited = now - first_look;

    if (members.length === 0) {
      empty = recording ? 0 : empty + 1;
      if (empty >= EMPTY_PASSES) {
        step('empty');
        return 'empty';
      }
      if (alone === null) {
        alone = now;
        pause = STOP_POLL_MS_MIN;
        cage.freeze?.(false);
      }
      // It waits for the disk; or whoever stopped the whole group stopped the runner too.
      const waits = identity !== null && isStopped(identity);
      if (waits) cage.signal(identity, 'SIGCONT');
      if (waits && now - alone > RECORD_MS_MAX && !options.signal?.aborted) throw unwritten(marker);
      if (finishing && now - alone > FINISH_MS_MAX) throw unrecorded(marker);
      if (!finishing && recording && now - alone > RECORD_MS_MAX + KILL_MS_MAX)
        throw unkillable(marker, [identity!]);
      if (!finishing && recording && now - alone > RECORD_MS_MAX) cage.signal(identity!, 'SIGKILL');
    } else {
      empty = 0;
      alone = null;
      // Of a sandbox that nobody is in any more but who left the attempt, there is nobody to be asked.
      const alone_in_there = killing === null && members.every(({ pid }) => isMonitor(pid));
      const over = options.signal?.aborted || waited >= options.grace_ms || alone_in_there;
      if (killing === null && over) killing = now;
      if (killing === null) {
        step('sigterm');
        const asked = waited < Math.min(ASK_MS_MAX, options.grace_ms / 2) ? sessionIn(dir, members) : null;
        for (const member of asked ? [asked] : members) {
          // That of a sandbox would leave what is in it, and end for it.
          if (terminated.has(key(member)) || isMonitor(member.pid)) continue;
          // A shell that was just forked may lose a signal before it has reset its traps: it is told again.
          if (!isFork(member.pid)) terminated.add(key(member));
          cage.signal(member, 'SIGTERM');
          // A stopped process would see SIGTERM only when somebody lets it go on.
          cage.signal(member, 'SIGCONT');
        }
      } else {
        if (now - killing > KILL_MS_MAX) throw unkillable(marker, members);
        step('sigkill');
        const frozen = cage.freeze?.(true) ?? false;
        try {
          const doomed = frozen ? look() : freeze(cage, members, look);
          for (const member of doomed) cage.signal(member, 'SIGKILL');
        } finally {
          if (frozen) cage.freeze?.(false);
        }
      }
    }
    const left = killing === null ? options.grace_ms - waited : STOP_POLL_MS_MAX;
    await sleep(Math.max(STOP_POLL_MS_MIN, Math.min(pause, left)), undefined, {
      signal: killing === null && !options.signal?.aborted ? options.signal : undefined,
    }).catch(() => undefined);
    pause = Math.min(pause * 2, STOP_POLL_MS_MAX);
  }
}

/** The session program among them, if it lives. */
function sessionIn(dir: string, members: readonly Member[]): Member | null {
  const file = readSmall(join(dir, SESSION_FILE));
  const session = file && parseIdentity(file.text, null);
  return members.find(({ pid, start }) => pid === session?.pid && start === session.start) ?? null;
}

/** Stops all members and all that they forked meanwhile; bounded, since another pass of the caller follows anyway. */
function freeze(cage: Pick<AttemptCage, 'signal'>, first: Member[], look: () => Member[]): Member[] {
  const frozen = new Map<string, Member>();
  let members = first;
  for (let pass = 0; pass < FREEZE_PASSES_MAX; pass++) {
    const fresh = members.filter(member => !frozen.has(key(member)));
    if (fresh.length === 0) break;
    for (const member of fresh) {
      frozen.set(key(member), member);
      cage.signal(member, 'SIGSTOP');
    }
    members = look();
  }
  return [...frozen.values()];
}

/** The runner's own fork that has not become the command yet. Where this cannot be seen, it is taken for the command. */
function isFork(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[3] === RUNNER_NAME;
  } catch {
    return false;
  }
}

function union(some: readonly Member[], others: readonly Member[]): Member[] {
  return [...new Map([...some, ...others].map(member => [key(member), member])).values()];
}

function key(member: Member): string {
  return `${member.pid} ${member.start}`;
}

function unrecorded(marker: string): RasenError {
  return new RasenError(
    'task_state',
    `Attempt ${marker} has ended, but its service manager has not recorded it for ${FINISH_MS_MAX / 1000} s.`,
    { hint: 'Is the disk full? systemctl --user list-units "rasen-*" shows what the manager does.' },
  );
}

function unwritten(marker: string): RasenError {
  return new RasenError(
    'storage',
    `Attempt ${marker} has ended, but its end cannot be written down: its runner waits for that.`,
    {
      hint: 'Is the disk of the state full, or can it only be read? Stop it with force to give its result up.',
    },
  );
}

function unkillable(marker: string, members: readonly Member[]): RasenError {
  const pids = members.map(member => member.pid);
  return new RasenError(
    'task_state',
    `Attempt ${marker} cannot be emptied: process${pids.length > 1 ? 'es' : ''} ${pids.join(', ')} outlived SIGKILL for ${KILL_MS_MAX / 1000} s.`,
    { hint: 'They hang in the kernel (ps shows state D) or belong to another user.', data: { pids } },
  );
}
