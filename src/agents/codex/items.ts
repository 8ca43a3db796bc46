/**
 * Items of Codex as people read them: `codex exec --json` and `codex app-server` tell the same ones in two spellings
 * (`command_execution` and `commandExecution`).
 */
import { type Json, list, object, text } from '../json.ts';
import type { ShownTool } from '../session-event.ts';
import { joined } from '../words.ts';

const kindOf = (item: Json) =>
  (text(item.type) ?? '').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

/** A tool that begins; null: what it does is told when it is over, or by something else. */
export function shownAtStart(item: Json): ShownTool | null {
  switch (kindOf(item)) {
    case 'command_execution':
      return { name: 'shell', on: inner(item.command) };
    case 'mcp_tool_call':
      return { name: joined(text(item.server), text(item.tool)), on: item.arguments };
    case 'web_search':
      return { name: 'web search', on: item.query };
    default:
      return null;
  }
}

/** A tool that is over: what it was used on, where that is known only now, and how it failed. */
export function shownAtEnd(item: Json): { shown: ShownTool | null; failed: string | null } {
  switch (kindOf(item)) {
    case 'file_change': {
      const changes = list(item.changes).map(change => {
        const { path, kind } = object(change) ?? {};
        return `${text(object(kind)?.type ?? kind) ?? 'change'} ${text(path) ?? ''}`;
      });
      const files = changes.join(', ');
      if (item.status === 'failed') return { shown: null, failed: `not changed: ${files}` };
      return { shown: { name: 'files', on: files }, failed: null };
    }
    case 'command_execution': {
      const code = item.exit_code ?? item.exitCode;
      const output = text(item.aggregated_output ?? item.aggregatedOutput);
      if (typeof code !== 'number' || code === 0) return { shown: null, failed: null };
      return { shown: null, failed: `exit code ${code}${output === null ? '' : `: ${output}`}` };
    }
    case 'mcp_tool_call': {
      const why = text(object(item.error)?.message) ?? '';
      return { shown: null, failed: item.status === 'failed' ? `tool failed: ${why}` : null };
    }
    default:
      return { shown: null, failed: null };
  }
}

/** Without the shell that it is run in. */
function inner(command: unknown): unknown {
  const words =
    typeof command === 'string' ? /^\S*\/(?:ba|z)?sh -l?c (['"])([\s\S]*)\1$/.exec(command) : null;
  return words ? words[2] : command;
}
