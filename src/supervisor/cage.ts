/** Opens the cage that this supervisor starts attempts in, by its setting and by what the machine offers. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Paths } from '../paths.ts';
import { Bell } from '../runner/cage/bell.ts';
import type { Cage } from '../runner/cage/cage.ts';
import { type CageChoice, chooseCage } from '../runner/cage/choose.ts';
import { groupCage } from '../runner/cage/group.ts';
import { unitCage } from '../runner/cage/unit.ts';
import { runnerText } from '../runner/order.ts';
import type { Settings } from './settings.ts';

/** Longest time from the writing of an environment to its reading. */
const UNREAD_MS_MAX = 5 * 60_000;

export interface OpenCage {
  cage: Cage;
  choice: CageChoice;
  close(): void;
}

export interface CageOptions {
  wanted: Settings['cage'];
  paths: Paths;
  /** Folder of runner.sh and its companions. */
  scripts: string;
  env: NodeJS.ProcessEnv;
  /** A service manager runs us: that of the user has to be there too, or comes in a moment. */
  patient: boolean;
}

/**
 * Environments may hold secrets: in memory, also where RASEN_HOME has put everything else of the instance on a disk; a
 * folder of this instance alone.
 */
function environmentsFolder(env: NodeJS.ProcessEnv, paths: Paths): string {
  const name = `environments-${createHash('sha256').update(paths.home).digest('hex').slice(0, 12)}`;
  const folder = join(env.XDG_RUNTIME_DIR ?? paths.runtime, 'rasen', name);
  clearOld(folder);
  return folder;
}

/** What a unit never came to read; a unit that was started a moment ago still may. */
function clearOld(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > UNREAD_MS_MAX) rmSync(path, { force: true });
  }
}

export async function openCage({ wanted, paths, scripts, env, patient }: CageOptions): Promise<OpenCage> {
  const choice = await chooseCage({ wanted, env, patient });
  if (choice.kind === 'group') {
    const text = runnerText(readFileSync(join(scripts, 'runner.sh'), 'utf8'));
    return { cage: groupCage(text), choice, close: () => {} };
  }
  const bell = new Bell(join(paths.runtime, 'ended'));
  const cage = unitCage({
    scripts,
    copies: join(paths.home, 'scripts'),
    environments: environmentsFolder(choice.env, paths),
    bell,
    env: choice.env,
  });
  return { cage, choice, close: () => bell.close() };
}
