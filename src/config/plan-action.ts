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
  may_shell: boolean;
  shell: boolean;
}

/** Exactly one of `do`, `run`, `agent`; a subtask that only describes something is the agent's. */
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
  const ways = ['do', 'run', 'agent'].filter(key => map.entries.has(key));
  if (ways.length > 1) {
    const second = map.entries.get(ways[1]!)!;
    problems.add(second.key, join(path, ways[1]!), `"${ways[0]}" is written too; a subtask does one thing`);
    return null;
  }
  if (own === true && (ways.length === 0 || ways[0] === 'agent'))
    problems.add(shellEntry!.key, join(path, 'shell'), 'is for "run" only');
  if (ways.length === 0) {
    if (described || map.entries.has('keep')) return { agent: 'coder' };
    problems.add(map, path, 'says nothing to do; write "run" for a command or "description" for the agent');
    return null;
  }
  const node = map.entries.get(ways[0]!)!.value;
  const inner = ways[0] === 'do' ? asMap(node, problems, join(path, 'do'), 'a map with run or agent') : map;
  if (inner === null) return null;
  const below = ways[0] === 'do' ? join(path, 'do') : path;
  if (ways[0] === 'do') {
    refuseNotYet(inner, problems, below);
    refuseUnknown(inner, ['run', 'agent', ...Object.keys(NOT_YET)], problems, below);
    if (inner.entries.has('run') === inner.entries.has('agent')) {
      if (!inner.entries.has('keep')) problems.add(inner, below, 'wanted exactly one of "run" and "agent"');
      return null;
    }
  }
  const run = inner.entries.get('run')?.value;
  if (run) {
    if (own === true && run.kind === 'list')
      problems.add(run, join(below, 'run'), 'is a list of words; "shell: true" wants a text');
    const command = readRun(run, problems, join(below, 'run'), { shell });
    return command ? { run: command } : null;
  }
  const agent = field(inner, 'agent', AGENT, problems, below);
  return agent ? { agent } : null;
}
