/**
 * The result file of an agent: what it claims. Parsed at this edge, bounded in every field. Where there is no file, the
 * seed's event tags at the end of the output count. Both are claims; only what speaks against the work has force.
 */
import * as z from 'zod';
import { messageOf } from '../contract/errors.ts';
import type { Claim } from '../contract/event.ts';
import { type Foreign, type Place, readForeign, untroubled } from '../host/foreign-file.ts';

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_ITEMS = 20;
const MAX_ITEM = 1000;
const MAX_SUMMARY = 4000;

/** Cut before it is looked at: a million items would hold up everybody. Unknown keys are not looked at either. */
const items = z.preprocess(
  list => (Array.isArray(list) ? list.slice(0, MAX_ITEMS) : list),
  z
    .array(z.union([z.string(), z.object({ content: z.string() }).transform(item => item.content)]))
    .transform(list => list.map(item => clean(item, MAX_ITEM))),
);

const resultFile = z.object({
  status: z
    .enum(['done', 'blocked', 'limit', 'overloaded', 'network', 'auth', 'context', 'budget'])
    .default('done'),
  summary: z.string().default(''),
  /** When a limit ends; or in how many seconds. */
  retry_at: z.iso.datetime({ offset: true }).optional(),
  retry_after_seconds: z
    .number()
    .min(0)
    .max(30 * 86_400)
    .optional(),
  memory: z
    .object({ decisions: items.default([]), learnings: items.default([]) })
    .default({ decisions: [], learnings: [] }),
  verdict: z.enum(['approved', 'changes_requested', 'rejected']).optional(),
  issues: items.default([]),
  /** What is worth doing and was no part of this. */
  followups: items.default([]),
  usage: z
    .object({ input_tokens: z.int().min(0).default(0), output_tokens: z.int().min(0).default(0) })
    .optional(),
  /** The planner's. */
  plan: z.unknown().optional(),
});

export interface ReadResult {
  claim: Claim | null;
  /** Why a file that is there cannot be used. */
  problem: string | null;
  /** What the planner wrote under `plan`, unchecked. */
  plan: unknown;
}

const NONE: ReadResult = { claim: null, problem: null, plan: undefined };

/**
 * @param masked of its text, before anything of it is quoted, cut or cleaned.
 * @param settled what was found, where it throws what is worth waiting for.
 */
export function readResultFile(
  place: Place,
  nowMs: number,
  masked: (text: string) => string = text => text,
  settled: <T>(place: Place, found: Foreign<T>) => Foreign<T> = untroubled,
): ReadResult {
  const read = settled(place, readForeign(place, MAX_FILE_BYTES));
  if (!read.ok) {
    if (read.fault === 'missing') return NONE;
    const what = read.fault === 'unreadable' ? `cannot be read: ${read.problem}` : read.problem;
    return { ...NONE, problem: `the result file ${what}` };
  }
  // All that a full disk takes of it. Its session is judged as one that left none.
  if (read.value.bytes.length === 0) return NONE;
  let raw: unknown;
  try {
    raw = JSON.parse(masked(read.value.bytes.toString('utf8')));
  } catch (error) {
    return { ...NONE, problem: `the result file is not JSON: ${messageOf(error)}` };
  }
  const parsed = resultFile.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    return {
      ...NONE,
      problem: `the result file is wrong at ${issue.path.join('.') || 'its top'}: ${issue.message}`,
    };
  }
  const { data } = parsed;
  const after = data.retry_after_seconds;
  return {
    problem: null,
    plan: data.plan,
    claim: {
      status: data.status,
      summary: clean(data.summary, MAX_SUMMARY),
      retry_at: data.retry_at
        ? new Date(data.retry_at).toISOString()
        : after === undefined
          ? null
          : new Date(nowMs + after * 1000).toISOString(),
      decisions: data.memory.decisions,
      learnings: data.memory.learnings,
      verdict:
        data.verdict === undefined ? null : data.verdict === 'approved' ? 'approved' : 'changes_requested',
      issues: data.issues,
      ...(data.followups.length > 0 ? { followups: data.followups } : {}),
      input_tokens: data.usage?.input_tokens ?? 0,
      output_tokens: data.usage?.output_tokens ?? 0,
    },
  };
}

const TAG = /<event\s+topic="([a-z._]+)">([\s\S]*?)<\/event>/g;
const TOPICS: Readonly<Record<string, Pick<Claim, 'status' | 'verdict'>>> = {
  'init.done': { status: 'done', verdict: null },
  'build.done': { status: 'done', verdict: null },
  'build.blocked': { status: 'blocked', verdict: null },
  'review.approved': { status: 'done', verdict: 'approved' },
  'review.changes_requested': { status: 'done', verdict: 'changes_requested' },
  'qa.approved': { status: 'done', verdict: 'approved' },
  'qa.rejected': { status: 'done', verdict: 'changes_requested' },
};

/** The last event tag in the end of an output, or null. */
export function claimFromTags(tail: string): Claim | null {
  const known = [...tail.matchAll(TAG)].filter(match => Object.hasOwn(TOPICS, match[1]!)).at(-1);
  if (!known) return null;
  const summary = clean(known[2]!, MAX_SUMMARY);
  const none = { retry_at: null, decisions: [], learnings: [], input_tokens: 0, output_tokens: 0 };
  const topic = TOPICS[known[1]!]!;
  return {
    ...topic,
    summary,
    issues: topic.verdict === 'changes_requested' ? [summary.slice(0, MAX_ITEM)] : [],
    ...none,
  };
}

/** Text of a program as a summary. */
export const cleanSummary = (text: string) => clean(text, MAX_SUMMARY);

/** One bounded text without control characters; it will be shown on terminals and in prompts. */
function clean(text: string, max: number): string {
  return text
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, ' ')
    .trim()
    .slice(0, max);
}
