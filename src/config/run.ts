/** A command as users write it: a list of words, or a text for the shell where the user asked for a shell. */
import { found, type Node } from './node.ts';
import type { Problems } from './problems.ts';
import { argv, type JsonSchema } from './types.ts';

const MAX_SHELL_CHARS = 64 * 1024;

/** argv; with `shell` a text becomes `/bin/sh -c TEXT`. undefined after a report. */
export function readRun(
  node: Node,
  problems: Problems,
  path: string,
  { shell }: { shell: boolean },
): string[] | undefined {
  if (shell && node.kind === 'scalar' && typeof node.value === 'string') {
    if (node.value.trim() !== '' && node.value.length <= MAX_SHELL_CHARS)
      return ['/bin/sh', '-c', node.value];
    problems.add(node, path, `found ${found(node)}, wanted a command`);
    return undefined;
  }
  return argv().read(node, (at, message, suggestion) => problems.add(at, path, message, suggestion ?? null));
}

export const runSchema = (shell: boolean): JsonSchema =>
  shell ? { anyOf: [argv().schema, { type: 'string', minLength: 1 }] } : argv().schema;
