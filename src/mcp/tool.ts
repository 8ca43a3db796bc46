/** What a tool is, and how it answers: JSON for programs and models alike, or the words and the kind of an error. */
import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/server';
import type * as z from 'zod';
import { isRasenError, messageOf } from '../contract/errors.ts';
import type { Door } from './door.ts';

export interface Asking {
  /** Raised when the client takes the request back, or is gone. */
  signal: AbortSignal;
  /** Says how it goes, to a client that wants to know. */
  progress(message: string): void;
}

export interface Tool<P extends z.ZodType = z.ZodType> {
  name: string;
  title: string;
  description: string;
  annotations: ToolAnnotations;
  /** Strict: an unknown argument is an error. */
  input: P;
  /** A text is the answer as it is. Throws RasenErrors. */
  answer(params: z.output<P>, door: Door, asking: Asking): Promise<Record<string, unknown> | string>;
}

export function defineTool<P extends z.ZodType>(tool: Tool<P>): Tool {
  return tool as unknown as Tool;
}

export async function resultOf(
  answer: () => Promise<Record<string, unknown> | string>,
): Promise<CallToolResult> {
  try {
    const said = await answer();
    if (typeof said === 'string') return { content: [{ type: 'text', text: said }] };
    return { content: [{ type: 'text', text: JSON.stringify(said) }], structuredContent: said };
  } catch (error) {
    const kind = isRasenError(error) ? error.kind : 'internal';
    const hint = isRasenError(error) ? (error.hint ?? null) : null;
    const message = messageOf(error);
    const code = isRasenError(error) ? error.code : -32603;
    const text = `${kind}: ${message}${hint === null ? '' : `\n${hint}`}`;
    return {
      content: [{ type: 'text', text }],
      structuredContent: { error: { kind, code, message, hint } },
      isError: true,
    };
  }
}
