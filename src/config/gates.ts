/** Gates as users write them, in config and in plan files: a list of words, or a map with `run`. */
import type { GateSpec } from '../contract/plan.ts';
import { either, field, join, refuseUnknown, reporter } from './fields.ts';
import { found, type ListNode, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import { readRun, runSchema } from './run.ts';
import { bool, duration, int, type JsonSchema, oneOrMore, text } from './types.ts';

export const MAX_GATES = 50;
/** Longest gate, in seconds; the schema of a gate has the same limit. */
const MAX_GATE_SECONDS = 86_400;

const KEYS = ['run', 'name', 'timeout', 'timeout_seconds', 'ok', 'shell'];
const exitCodes = oneOrMore(int(0, 255), 256, 'an exit code (0 to 255) or a list of them');

/** `shell`: null where a shell is never possible (a planner's plan), else its default. */
export function readGates(
  node: Node,
  problems: Problems,
  path: string,
  shell: boolean | null,
): GateSpec[] | undefined {
  if (node.kind !== 'list') {
    problems.add(node, path, `found ${found(node)}, wanted a list of gates such as [[npm, test]]`);
    return undefined;
  }
  if (node.items.length > MAX_GATES) {
    problems.add(node, path, `has ${node.items.length} gates; at most ${MAX_GATES} are possible`);
    return undefined;
  }
  // A single command where a list of commands belongs is the most likely slip.
  if (node.items.length > 0 && node.items.every(item => item.kind === 'scalar')) {
    const words = (node as ListNode).items.map(item => (item.kind === 'scalar' ? item.text : '')).join(', ');
    const meant = words.length < 100 ? `[[${words}]]` : null;
    const hint = meant ? `; did you mean ${meant}?` : '';
    problems.add(node, path, `found a list of words, wanted a list of gates${hint}`, meant);
    return undefined;
  }
  const gates = node.items.map((item, index) => readGate(item, problems, `${path}[${index}]`, shell));
  return gates.includes(undefined) ? undefined : (gates as GateSpec[]);
}

function readGate(node: Node, problems: Problems, path: string, shell: boolean | null): GateSpec | undefined {
  if (node.kind !== 'map') {
    const run = readRun(node, problems, path, { shell: shell ?? false });
    return run && { name: gateName(run), run, timeout_seconds: 600, ok: [0] };
  }
  refuseUnknown(node, shell === null ? KEYS.filter(key => key !== 'shell') : KEYS, problems, path);
  const own = shell === null ? undefined : field(node, 'shell', bool(), problems, path);
  const runNode = node.entries.get('run')?.value;
  if (!runNode) problems.add(node, path, 'has no "run": the command that must pass');
  const run = runNode && readRun(runNode, problems, join(path, 'run'), { shell: own ?? shell ?? false });
  const spellings = ['timeout', 'timeout_seconds'].map(key => ({ map: node, key, path }));
  const timeout = either(spellings, duration(), problems);
  if (timeout !== undefined && timeout > MAX_GATE_SECONDS)
    reporter(problems, join(path, 'timeout'))(node, 'a gate can take one day at most');
  const name = field(node, 'name', text(80, 'a name'), problems, path);
  const ok = field(node, 'ok', exitCodes, problems, path);
  if (ok?.length === 0) reporter(problems, join(path, 'ok'))(node, 'no exit code would pass');
  return run && { name: name ?? gateName(run), run, timeout_seconds: timeout ?? 600, ok: ok ?? [0] };
}

/** The first words of the command; a shell command's own text. */
export function gateName(run: readonly string[]): string {
  const words = run[0] === '/bin/sh' && run[1] === '-c' ? [run[2]!] : run;
  const name = words.join(' ').replaceAll(/\s+/g, ' ').trim();
  return name.length > 80 ? `${name.slice(0, 79)}…` : name;
}

export const gateSchema = (shell: boolean): JsonSchema => ({
  anyOf: [
    runSchema(false),
    {
      type: 'object',
      required: ['run'],
      additionalProperties: false,
      properties: {
        run: runSchema(shell),
        name: { type: 'string', description: 'Shown in status and evidence.' },
        timeout: { ...duration().schema, description: 'Longest run; default 10m.' },
        timeout_seconds: { ...duration().schema, description: 'The same as timeout.' },
        ok: { ...exitCodes.schema, description: 'Exit codes that pass; default 0.' },
        ...(shell ? { shell: { type: 'boolean', description: 'run is a text for /bin/sh.' } } : {}),
      },
    },
  ],
});
