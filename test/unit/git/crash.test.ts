/**
 * The supervisor is killed with SIGKILL at one of its git commands: before it starts, while it runs (git is killed too)
 * or right after. The next start must end where an undisturbed life ends. Every n-th command is tried, with another
 * phase for each of the three; RASEN_CRASH_STRIDE=1 tries all.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { makeRepo, removeFolder, sh, type TestRepo } from '../../support/git-repo.ts';

const STRIDE = Number(process.env.RASEN_CRASH_STRIDE ?? 50);
const LIFE = join(import.meta.dirname, '../../support/git-life.ts');
const REAL_GIT = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();

/** A `git` that counts its calls and kills whoever called it at the given one. */
const SHIM = `#!/bin/sh
n=$(( $(cat "$COUNT" 2>/dev/null || echo 0) + 1 )); echo $n > "$COUNT"
[ "$n" = "$KILL_AT" ] || exec ${REAL_GIT} "$@"
case $PHASE in
before) kill -9 $PPID ;;
during) ${REAL_GIT} "$@" & sleep 0.004; kill -9 $PPID; kill -9 $! ;;
after) ${REAL_GIT} "$@"; kill -9 $PPID ;;
esac
`;

let t: TestRepo;
afterEach(() => removeFolder(t.folder));

function live(
  kill_at: number,
  phase: string,
  kind: string,
): { signal: string | null; out: string; count: number } {
  const bin = join(t.folder, 'bin');
  const state = join(t.folder, 'state');
  mkdirSync(bin, { recursive: true });
  mkdirSync(state, { recursive: true });
  writeFileSync(join(bin, 'git'), SHIM, { mode: 0o755 });
  const count = join(t.folder, 'count');
  writeFileSync(count, '0');
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    COUNT: count,
    KILL_AT: String(kill_at),
    PHASE: phase,
  };
  const args = [LIFE, t.repo.root, t.repo.common_dir, t.base, state, kind];
  const run = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  if (run.signal === null && run.status !== 0) throw new Error(`at ${kill_at} ${phase}: ${run.stderr}`);
  return { signal: run.signal, out: run.stdout, count: Number(readFileSync(count, 'utf8')) };
}

test.each(
  ['linked', 'clone'].flatMap(kind => ['before', 'during', 'after'].map(phase => [phase, kind] as const)),
)(
  'killed %s a git command, in a workspace that is %s',
  async (phase, kind) => {
    let kill_at = 1 + ['before', 'during', 'after'].indexOf(phase) * Math.floor(STRIDE / 3);
    for (let killed = true; killed; kill_at += STRIDE) {
      t = await makeRepo();
      killed = live(kill_at, phase, kind).signal === 'SIGKILL';
      const { out } = live(0, '', kind);
      const { first, merged } = JSON.parse(out);
      const where = `killed ${phase} command ${kill_at}`;
      expect(first, where).toMatchObject({ commits: 1, leftovers: 2, on_branch: true, left_out: [] });
      expect(sh(t.repo.root, 'rev-parse', 'main'), where).toBe(merged);
      expect(sh(t.repo.root, 'rev-list', '--count', 'main'), where).toBe('2');
      expect(sh(t.repo.root, 'status', '--porcelain'), where).toBe('');
      expect(sh(t.repo.root, 'show', 'main:a.txt'), where).toBe('first');
      expect(sh(t.repo.root, 'show', 'refs/rasen/t1/attempt/s/2:a.txt'), where).toBe('worse');
      expect(sh(t.repo.root, 'rev-parse', 'refs/rasen/t1/good/1'), where).toBe(first.commit);
      expect(sh(t.repo.root, 'rev-parse', 'rasen/x'), where).toBe(first.commit);
      expect(sh(t.repo.root, 'worktree', 'list').split('\n'), where).toHaveLength(1);
      if (killed) removeFolder(t.folder);
    }
  },
  600_000,
);
