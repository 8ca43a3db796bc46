/** A project whose agent is a few lines of sh, for stories in which it runs the tools of a user: npm, python, cargo. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ProjectOptions, SeedProject } from './scripted-agent.ts';

export interface ShellOptions extends Omit<ProjectOptions, 'config'> {
  /** What the agent does, in its worktree. */
  agent: string;
  config?: Record<string, unknown>;
}

/** With a check that always passes as its gate, unless `config` has others. */
export function shellProject({ agent, config, ...options }: ShellOptions): SeedProject {
  const p = new SeedProject({
    ...options,
    config: command => ({ agent: ['sh', join(dirname(command.at(-1)!), 'agent.sh')], ...config }),
  });
  writeFileSync(p.beside('agent.sh'), agent);
  return p;
}

/** Whether a program works in the environment of a project; where it does not, the test is skipped with a word. */
export function works(p: SeedProject, argv: readonly string[]): boolean {
  const { status } = spawnSync(argv[0]!, argv.slice(1), { cwd: p.root, env: p.instance.env });
  return status === 0;
}
