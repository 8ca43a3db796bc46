/**
 * One attempt in a unit: its processes are those of the control group that its runner reported. Processes that carry
 * the attempt's marker outside of it count too: of the same user, a process can be moved.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readAttempt } from '../attempt-dir.ts';
import { isAlive } from '../identity.ts';
import { FINISH_MS_MAX } from '../limits.ts';
import type { Member } from '../members.ts';
import { host } from '../platform/this-host.ts';
import type { RunnerMark } from '../records.ts';
import { statOf } from '../small-file.ts';
import type { AttemptCage } from './cage.ts';
import { readCage } from './cage-file.ts';
import { Cgroup } from './cgroup.ts';
import { group, signal } from './group.ts';
import { isUnitOf } from './unit-command.ts';

export function unitOf(dir: string, mark: RunnerMark): AttemptCage {
  const cgroup = cgroupOfAttempt(dir, mark);
  return {
    kind: 'unit',
    members(query) {
      const found = new Map<number, Member>();
      for (const pid of cgroup?.pids() ?? []) {
        if (pid === query.identity?.pid || isRecorder(pid, dir)) continue;
        const row = host.row(pid);
        if (row && !row.zombie) found.set(pid, { pid, start: row.start });
      }
      for (const member of group.members(query)) {
        if (!isRecorder(member.pid, dir)) found.set(member.pid, member);
      }
      return [...found.values()];
    },
    signal,
    freeze: frozen => cgroup?.freeze(frozen) ?? false,
    finishing: () => isFinishing(dir, mark, cgroup),
  };
}

/**
 * The runner is gone, its end is not recorded, and the manager still has the unit: it sweeps what is left and records.
 * Looked at often: no program is started for it. Gives for how long this may have lasted, in ms; null: it is not so.
 */
export function unitFinishingMs(dir: string, mark: RunnerMark): number | null {
  if (!isFinishing(dir, mark, cgroupOfAttempt(dir, mark))) return null;
  const since = statOf(join(dir, 'ended'))?.mtimeMs;
  return since === undefined ? 0 : agoMs(since);
}

function isFinishing(dir: string, mark: RunnerMark, cgroup: Cgroup | null): boolean {
  const { identity, exit } = readAttempt(dir, mark);
  if (identity === null || exit !== null || isAlive(identity)) return false;
  if (cgroup) return cgroup.exists();
  // The group cannot be seen here (a hidden or old hierarchy): what the runner said last has to do.
  if (identity.boot !== host.bootId() || readCage(dir) === null) return false;
  const since = statOf(join(dir, 'ended'))?.mtimeMs;
  return since !== undefined && agoMs(since) < FINISH_MS_MAX;
}

/** A time to come is one of a clock that was set back since: nobody is patient for a day because of that. */
const agoMs = (ms: number) => Math.abs(Date.now() - ms);

function cgroupOfAttempt(dir: string, mark: RunnerMark): Cgroup | null {
  const { identity } = readAttempt(dir, mark);
  // A path of another boot may be somebody else's now; and what is not the unit's own group holds others too. Both files
  // could be written by the attempt: only the group of its own unit is signalled as a whole.
  if (!identity?.cgroup || identity.boot !== host.bootId()) return null;
  const unit = readCage(dir)?.unit;
  const isOwn = unit !== undefined && isUnitOf(unit, mark.nonce) && basename(identity.cgroup) === unit;
  return isOwn && !identity.cgroup.split('/').includes('..') ? new Cgroup(identity.cgroup) : null;
}

/** record-exit.sh of this attempt, or a program that it started: part of the manager, not of the attempt. */
function isRecorder(pid: number, dir: string): boolean {
  return isRecording(pid, dir) || isRecording(host.row(pid)?.ppid ?? 0, dir);
}

function isRecording(pid: number, dir: string): boolean {
  if (pid <= 1) return false;
  try {
    const [, script, folder] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return script?.endsWith('record-exit.sh') === true && folder === dir;
  } catch {
    return false;
  }
}
