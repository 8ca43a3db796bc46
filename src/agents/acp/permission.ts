/**
 * Whether an agent may use a tool that it asks for over ACP. Nobody is there, so every request is answered at once, by
 * what it is: commands, and what reads or thinks, as the agents that are not asked may; what changes files, where the
 * work is. This is no wall (a command may do what an edit may not), it is the answer that a person would give.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import type { RequestPermissionRequest, RequestPermissionResponse, ToolKind } from '@agentclientprotocol/sdk';

/** Where files may be changed. */
export interface Grounds {
  cwd: string;
  /** Besides it. */
  folders: readonly string[];
}

export interface Permission {
  answer: RequestPermissionResponse;
  /** null: it was allowed. */
  refused: { tool: string; reason: string } | null;
}

const FREE: readonly ToolKind[] = ['read', 'search', 'think', 'fetch', 'execute'];
const CHANGES: readonly ToolKind[] = ['edit', 'delete', 'move'];
/** Keys of a tool's input that name files or folders, in the programs that are known. */
const PATH_KEYS = [
  'path',
  'paths',
  'filepath',
  'filePath',
  'file_path',
  'parentDir',
  'directory',
  'directories',
];
const MAX_NAME = 80;

export function permit(request: RequestPermissionRequest, grounds: Grounds): Permission {
  const reason = objection(request.toolCall, grounds);
  const kinds = reason === null ? ['allow_once', 'allow_always'] : ['reject_once', 'reject_always'];
  const option = kinds
    .flatMap(kind => request.options.filter(offered => offered.kind === kind))
    .at(0)?.optionId;
  const outcome =
    option === undefined
      ? ({ outcome: 'cancelled' } as const)
      : ({ outcome: 'selected', optionId: option } as const);
  const tool = nameOf(request.toolCall);
  if (reason !== null) return { answer: { outcome, _meta: { reason } }, refused: { tool, reason } };
  if (option !== undefined) return { answer: { outcome }, refused: null };
  return {
    answer: { outcome },
    refused: { tool, reason: 'it cannot be allowed: no such answer is offered' },
  };
}

type Call = RequestPermissionRequest['toolCall'];

/** null: there is none. */
function objection(call: Call, grounds: Grounds): string | null {
  const kind = call.kind ?? 'other';
  if (FREE.includes(kind)) return null;
  const paths = pathsOf(call);
  const outside = paths.find(path => !inside(path, grounds));
  if (CHANGES.includes(kind))
    return outside === undefined ? null : `${outside} is outside of the folders of this work`;
  // Of a kind that the protocol does not know; what it names tells where it would go.
  if (kind === 'other' && paths.length > 0)
    return outside === undefined ? null : `${outside} is outside of the folders of this work`;
  return 'nobody is there to allow it';
}

function pathsOf({ locations, content, rawInput }: Call): string[] {
  const input: [string, unknown][] = typeof rawInput === 'object' && rawInput ? Object.entries(rawInput) : [];
  const named = input.filter(([key]) => PATH_KEYS.includes(key)).flatMap(([, value]) => value);
  const diffs = (content ?? []).map(part => (part.type === 'diff' ? part.path : null));
  return [...(locations ?? []).map(({ path }) => path), ...diffs, ...named].filter(
    (path): path is string => typeof path === 'string' && path !== '',
  );
}

function inside(path: string, { cwd, folders }: Grounds): boolean {
  const whole = resolve(cwd, path);
  return [cwd, ...folders].some(folder => {
    const way = relative(folder, whole);
    return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
  });
}

function nameOf({ name, kind, title }: Call & { name?: unknown }): string {
  const known = typeof name === 'string' && name !== '' ? name : null;
  return (known ?? (kind && kind !== 'other' ? kind : null) ?? title ?? 'a tool').slice(0, MAX_NAME);
}
