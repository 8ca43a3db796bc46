/**
 * The keys of when a task of the project may run, `group` and `priority`, and of what it keeps in and beside the project: `worktree.*`, `memory.*`, `backpressure.*`, `background.*`.
 */
import { GROUP_NAME, PRIORITY_MAX } from '../contract/turn.ts';
import { own, seed } from './keys-row.ts';
import { found } from './node.ts';
import { bool, insidePath, int, nullable, oneOf, text, type ValueType } from './types.ts';

const viewFile = () => insidePath('the project');

const groupName: ValueType<string> = {
  ...text(64, 'a name of letters, digits, ".", "_", "-"'),
  read(node, report) {
    const name = node.kind === 'scalar' ? node.text : '';
    if (GROUP_NAME.test(name)) return name;
    report(node, `found ${found(node)}, wanted a name of letters, digits, ".", "_", "-"`);
    return undefined;
  },
};

export const PROJECT_KEYS = {
  group: own(
    nullable(groupName, 'none'),
    null,
    'Group of the tasks of this project: one of a group runs at a time, or as many as `groups` in rasend.yml says. `rasen run --group` is stronger.',
    'none',
  ),
  priority: own(
    int(-PRIORITY_MAX, PRIORITY_MAX),
    0,
    'Where not all tasks may run, those with a higher one go first. `rasen run --priority` is stronger.',
  ),
  'worktree.enabled': seed(
    bool(),
    true,
    'true: work in a workspace of its own (see worktree.isolation). false: in the project folder itself.',
  ),
  'worktree.base_path': seed(
    text(4096, 'a path'),
    '.worktrees',
    'Folder of the worktrees, relative to the project. Inside the project it must not be a link that leads out of it.',
  ),

  'worktree.isolation': own(
    oneOf('clone', 'linked'),
    'clone',
    'clone: a task works in a clone of the repository. linked: in a git worktree that shares the repository, whose branches, stash, tags, hooks and settings agents and tests can then change; for repositories that cannot be cloned.',
  ),
  'worktree.push': own(
    bool(),
    false,
    'true: the remotes of the clone can be pushed to. false: a push is refused.',
  ),

  'memory.enabled': seed(bool(), true, 'Decisions and learnings of an attempt are told to the later ones.'),
  'memory.max_decisions': seed(int(0, 100), 5, 'Most decisions that are kept.'),
  'memory.max_learnings': seed(int(0, 100), 5, 'Most learnings that are kept.'),
  'memory.path': seed(viewFile(), '.rasen/memories.md', 'Where the view of the memory is written.'),
  'memory.max_tokens': seed(int(0, 1_000_000), 2000, 'Longest memory in a prompt, in tokens.'),

  'backpressure.require_tests': seed(
    bool(),
    true,
    'The test command of the project is a gate. Without `gates` it is found in package.json, pyproject.toml, Makefile, Cargo.toml or go.mod.',
  ),
  'backpressure.require_lint': seed(
    bool(),
    true,
    'The lint command of the project is a gate, where one is found.',
  ),

  'background.enabled': seed(
    bool(),
    false,
    '`rasen run` starts a new task in the background without --background.',
  ),
  'background.pid_file': seed(
    viewFile(),
    '.rasen/rasen.pid',
    'Where the process id of the supervisor is written.',
  ),
  'background.log_file': seed(viewFile(), '.rasen/rasen.log', 'Where the log of the task is written.'),
  'background.status_file': seed(viewFile(), '.rasen/status.json', 'Where the status is written.'),
};
