/** Projects of one test file, each closed after its test: a process that was left makes the test fail. */
import { afterEach } from 'vitest';
import { type ProjectOptions, SeedProject } from './scripted-agent.ts';

export function projects(defaults: ProjectOptions = {}): (options?: ProjectOptions) => SeedProject {
  const open: SeedProject[] = [];
  afterEach(async () => {
    for (const p of open.splice(0)) await p.close();
  });
  return options => {
    const made = new SeedProject({ ...defaults, ...options });
    open.push(made);
    return made;
  };
}
