/**
 * A line of pino's, taken apart for those who do not read JSON: the journal, which has fields, and standard error where
 * it goes to the journal, which has a priority and a text.
 */

import { safeText } from '../../util/terminal-text.ts';

export interface LogEntry {
  /** As in syslog(3): 2 critical … 7 debug. */
  priority: number;
  /** The message, and the fields that it does not mention. */
  text: string;
  /** Where an error came from; '' without one. Several lines. */
  stack: string;
  /** All fields by name, values as text. */
  fields: ReadonlyMap<string, string>;
}

/** pino's levels are ten apart from trace (10) to fatal (60). */
const PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };
/** For programs that look for them; the message says as much in words. */
const UNSAID = new Set(['event', 'subtask', 'attempt']);
/** Shown in a form of their own, or known to the journal from the kernel. */
const IMPLIED = new Set(['level', 'time', 'pid', 'msg']);

export function logEntry(line: string): LogEntry {
  const record = JSON.parse(line) as Record<string, unknown>;
  const message = String(record.msg ?? '');
  const fields = new Map<string, string>();
  let stack = '';
  for (const [name, value] of Object.entries(record)) {
    if (IMPLIED.has(name) || value === null || value === undefined) continue;
    const trace = stackOf(value);
    if (trace !== undefined) stack = trace;
    fields.set(name, trace === undefined ? plain(value) : summary(value, trace));
  }
  const more = [...fields]
    .filter(([name, value]) => !UNSAID.has(name) && value !== '' && !message.includes(value))
    .map(([name, value]) => `${name}=${/[\s"=]/.test(value) ? JSON.stringify(value) : value}`);
  return {
    priority: PRIORITIES[Number(record.level)] ?? 6,
    // For people to read; the fields are for programs, and stay what they are.
    text: safeText([message, ...more].join(' ')),
    stack: safeText(stack),
    fields,
  };
}

/** The stack of an error as pino writes it, or of one that was logged as its stack alone. */
function stackOf(value: unknown): string | undefined {
  const stack = typeof value === 'string' ? value : (value as { stack?: unknown }).stack;
  return typeof stack === 'string' && /\n\s+at /.test(stack) ? stack : undefined;
}

function summary(value: unknown, stack: string): string {
  const message = (value as { message?: unknown }).message;
  return typeof message === 'string' ? message : stack.split('\n', 1)[0]!;
}

const plain = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
