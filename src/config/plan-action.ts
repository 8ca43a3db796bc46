/** What a subtask does: `run`, `agent`, or `do` with one of them. */
import type { Subtask } from '../contract/plan.ts';
import { asMap, field, join, refuseUnknown } from './fields.ts';
import type { MapNode } from './node.ts';
import { NOT_YET, refuseNotYet } from './plan-limits.ts';
import type { Problems } from './problems.ts';
import { readRun } from './run.ts';
import { bool, oneOf } from './types.ts';

/** The role whose prompt is used. */
export const AGENT = oneOf('coder');

interface ActionContext {
  problems: Problems;
  by_user: boolean;
  may_shell: boolean;
  shell: boolean;
}

/** Exactly one of `do`, `run`, `keep`, `agent`; a subtask that only describes something is the agent's. */
export function readAction(
  map: MapNode,
  path: string,
  described: boolean,
  context: ActionContext,
): Subtask['do'] | null {
  const { problems } = context;
  const shellEntry = map.entries.get('shell');
  if (shellEntry && !context.may_shell)
    problems.add(shellEntry.key, join(path, 'shell'), 'only a plan written by the user can use a shell');
  const own = field(map, 'shell', bool(), problems, path);
  const shell = context.may_shell && (own ?? context.shell);
  const ways = ['do', 'run', 'keep', 'agent'].filter(key => map.entries.has(key));
  if (ways.length > 1) {
    const second = map.entries.get(ways[1]!)!;
    problems.add(second.key, join(path, ways[1]!), `"${ways[0]}" is written too; a subtask does one thing`);
    return null;
  }
  if (own === true && (ways.length === 0 || ways[0] === 'agent'))
    problems.add(shellEntry!.key, join(path, 'shell'), 'is for "run" and "keep" only');
  if (ways.length === 0) {
    if (described) return { agent: 'coder' };
    problems.add(map, path, 'says nothing to do; write "run" for a command or "description" for the agent');
    return null;
  }
  const node = map.entries.get(ways[0]!)!.value;
  const inner =
    ways[0] === 'do' ? asMap(node, problems, join(path, 'do'), 'a map with run, keep or agent') : map;
  if (inner === null) return null;
  const below = ways[0] === 'do' ? join(path, 'do') : path;
  if (ways[0] === 'do') {
    refuseNotYet(inner, problems, below);
    refuseUnknown(inner, ['run', 'keep', 'agent', ...Object.keys(NOT_YET)], problems, below);
    if (['run', 'keep', 'agent'].filter(key => inner.entries.has(key)).length !== 1) {
      problems.add(inner, below, 'wanted exactly one of "run", "keep" and "agent"');
      return null;
    }
  }
  const word = inner.entries.has('keep') ? 'keep' : 'run';
  const run = inner.entries.get(word)?.value;
  if (run) {
    if (word === 'keep' && !context.by_user)
      problems.add(
        inner.entries.get(word)!.key,
        join(below, word),
        'only a plan written by the user has services',
      );
    if (own === true && run.kind === 'list')
      problems.add(run, join(below, word), 'is a list of words; "shell: true" wants a text');
    const command = readRun(run, problems, join(below, word), { shell });
    if (!command) return null;
    return word === 'keep' ? { keep: command } : { run: command };
  }
  const agent = field(inner, 'agent', AGENT, problems, below);
  return agent ? { agent } : null;
}
