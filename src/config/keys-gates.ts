/** The keys of what must hold before work counts: `gates`, `setup`, `parallel`, `baseline`, `base_tests`, `base_config`, `mutation_check`, `protected`. */
import type { GateSpec } from '../contract/plan.ts';
import { gateSchema, readGates } from './gates.ts';
import { command, own } from './keys-row.ts';
import { Problems } from './problems.ts';
import { bool, insidePath, int, listOf, oneOf, text, type ValueType } from './types.ts';

const gateList: ValueType<GateSpec[] | 'none' | null> = {
  wanted: 'a list of gates, or none',
  schema: {
    anyOf: [{ const: 'none' }, { type: 'array', items: gateSchema(true), minItems: 1, maxItems: 50 }],
  },
  read(node, report) {
    if (node.kind === 'scalar' && node.value === 'none') return 'none';
    if (node.kind === 'list' && node.items.length === 0) {
      report(node, 'is an empty list; write "gates: none" if nothing is to be checked', 'none');
      return undefined;
    }
    const inner = new Problems('');
    const gates = readGates(node, inner, '', false);
    for (const p of inner.list) report(p, p.message, p.suggestion, p.key);
    return gates;
  },
};

/** Default protected paths: what decides about the work must not be changed by the work. */
const PROTECTED_DEFAULT = ['.github/workflows', '.gitlab-ci.yml', '.husky', '.githooks'];

export const GATES_KEYS = {
  gates: own(
    gateList,
    null,
    'Commands that must pass before a subtask counts as done; each a list of words or {run, name, timeout, ok}. none: no gates, on purpose.',
    'the test and lint commands found in the project',
  ),
  setup: own(
    command(),
    null,
    'Command that readies a checkout, such as [npm, ci]. It runs in the worktree before anything else, there again when a lock file, a manifest or a file that it names has changed, and in every other checkout in which gates run: the final check, those of review and QA, the result of a merge.',
    'none',
  ),
  setup_cache: own(
    listOf(insidePath('the project'), 20, 'a list of paths'),
    [],
    'All that `setup` makes, such as [node_modules], where copies of it do as well: with the same lock files, setup and versions of tools they are put into a checkout in place of running `setup`. Copies share their blocks where the file system can. Not for what knows its own path, as a Python venv does.',
    'none',
  ),
  parallel: own(int(1, 64), 1, 'Subtasks of one task that may run at once.'),
  baseline: own(
    oneOf('require', 'allow'),
    'require',
    'require: the gates must pass before the first subtask. allow: they may fail then; a gate that does is tolerated, whatever else fails in it later, until it passes at the end, and the task is completed unverified unless it does.',
  ),
  base_tests: own(
    bool(),
    false,
    'true: at the end, when the gates have passed, they run once more with the test files as they were before the task: those that were changed or deleted are as they were, new ones are away. Red, the task is blocked (review): a person says whether the tests were changed for a good reason, and goes on with `rasen resume`, which accepts that commit.',
  ),
  base_config: own(
    bool(),
    true,
    'true: where an agent changed files that decide what a gate means, such as package.json, a Makefile or the configuration of a tool, the gates run a second time with these files as they were before the task. Dependencies, new scripts and new targets stay, and so do files that a plan of yours lists in `tests`. When the results differ, the task is blocked (review) and names the files; `rasen resume` accepts them.',
  ),
  mutation_check: own(
    bool(),
    true,
    'true: at the end, when all gates have passed, they run once more without the change to the source, with the new tests and configuration, one after the other until one fails. If none does, no gate sees the change: status, report and notices say so beside `verified`. A gate that failed before the task and passes without the source of it was turned green by tests and configuration alone, and verifies nothing. It never fails a task and uses up no attempt. Each run has the timeout of its gate, and ten minutes at most.',
  ),
  protected: own(
    listOf(text(4096, 'a path or pathspec'), 1000, 'a list of paths'),
    PROTECTED_DEFAULT,
    'Paths that no attempt may change. .rasen, rasen.yml and the configuration in use always belong to them.',
  ),
};
