/** The agents that are on PATH, and which version each says it is. For `rasen doctor` and `rasen init`. */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** Values of `backend`, each also the name of its program. */
export const AGENT_PROGRAMS = ['claude', 'codex', 'gemini'] as const;

/** They load a lot before they say who they are. */
const VERSION_MS_MAX = 10_000;

export interface InstalledAgent {
  name: string;
  /** null: it did not say. */
  version: string | null;
}

export async function installedAgents(env: NodeJS.ProcessEnv): Promise<InstalledAgent[]> {
  const found = AGENT_PROGRAMS.map(name => ({ name, path: onPath(name, env.PATH ?? '') }));
  return await Promise.all(
    found.flatMap(({ name, path }) =>
      path === null ? [] : [versionOf(path, env).then(version => ({ name, version }))],
    ),
  );
}

export const agentText = ({ name, version }: InstalledAgent) =>
  version === null ? `${name} (it does not say which version)` : `${name} ${version}`;

async function versionOf(path: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  const { execFile } = await import('node:child_process');
  const said = await new Promise<string>(done => {
    const options = { env, timeout: VERSION_MS_MAX, killSignal: 'SIGKILL' as const };
    const child = execFile(path, ['--version'], options, (error, stdout) => done(error ? '' : stdout));
    child.stdin?.end();
  });
  return /\d+\.\d+\.\d+(?:-[\w.]+)?/.exec(said)?.[0] ?? null;
}

function onPath(name: string, path: string): string | null {
  for (const folder of path.split(':').filter(Boolean)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {
      // Not here, or not to be run.
    }
  }
  return null;
}
