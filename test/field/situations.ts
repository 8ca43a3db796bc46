/** Situations out of public bug reports in which ordinary repositories and shells broke a tool, and the story that each has. */

/** What went wrong, the file of its story in this folder, and the story's name or the beginning of it. */
export const SITUATIONS: readonly (readonly [what: string, file: string, story: string])[] = [
  [
    'what setup makes is missing in the final check',
    'setup',
    'an ignored folder that setup makes is there for',
  ],
  ['an agent adds a dependency', 'setup', 'npm: `npm ci` and `npm test` as the README has them'],
  [
    'a list of tests in a plan lifts their protection',
    'plans',
    'a plan that names its tests lifts no protection',
  ],
  ['work in a submodule is lost', 'clone', 'work in a submodule, or in a repository that was made inside'],
  [
    'an agent’s stash pop takes the user’s stash',
    'clone',
    'whatever an agent does with git stays in its clone',
  ],
  [
    'an agent’s git init breaks the user’s checkout',
    'clone',
    'whatever an agent does with git stays in its clone',
  ],
  [
    'a merge goes beside a separate git directory',
    'merge-place',
    'a git directory elsewhere, whatever it is called',
  ],
  ['a filter on PATH is not found', 'clone', 'the git of the user’s shell is that of the task'],
  ['variables of a hook sign an agent’s commits', 'clone', 'a task that is submitted from a hook is not by'],
  ['a step that failed cannot be done again alone', 'again', 'goes on from where it failed, however long'],
  ['the folder of the shell was removed', 'places', 'is named by every command that needs one'],
  ['the umask of the shell does not count', 'shells', 'are another task’s own, not those of whoever'],
  ['a command has more than 1,000 words', 'shells', 'may be %s'],
  ['a file name is no UTF-8', 'shells', 'are bytes, and reach the command as they are'],
  ['the project was renamed', 'moved', 'renamed while the task is stopped'],
  [
    'the configuration is that of a package',
    'monorepo',
    'agent, setup, gates, final check and merge are in the package',
  ],
  ['what is piped in is dropped', 'shells', 'is not dropped in silence: %s'],
  ['a prd.json of ralph', 'plans', 'user stories in the order of their priority'],
  ['a plan of Auto-Claude', 'plans', 'a subtask that another program calls completed is done'],
  ['an agent moves the user’s branches', 'clone', 'whatever an agent does with git stays in its clone'],
  ['… where it can, in a linked worktree', 'clone', 'in a linked worktree, what an attempt does'],
  ['a command line is one word', 'shells', 'is no %s, and the advice works where it is printed'],
  ['the reader of the output has gone', 'shells', 'of the reader is told, and the task goes on'],
  ['the identity is in GIT_CONFIG_GLOBAL', 'clone', 'the git of the user’s shell is that of the task'],
];
