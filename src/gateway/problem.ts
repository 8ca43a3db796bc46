/**
 * Failures as RFC 9457 problem details. `type` and `kind` carry the same stable name as on the socket and in `--json`;
 * the table says which HTTP status each kind has.
 */
import type { Context } from 'hono';
import { ERRORS, type ErrorKind, isRasenError, RasenError } from '../contract/errors.ts';

const STATUS: Partial<Record<ErrorKind, number>> = {
  usage: 400,
  config: 422,
  task_unknown: 404,
  task_ambiguous: 409,
  task_state: 409,
  task_exists: 409,
  subtask_unknown: 404,
  project_in_use: 409,
  no_project: 404,
  not_git: 422,
  git: 502,
  merge_conflict: 409,
  gate_failed: 409,
  storage: 507,
  no_folder: 404,
  program_missing: 422,
  program_refused: 422,
  secret: 422,
  not_permitted: 403,
  unreachable: 503,
  shutting_down: 503,
  overloaded: 503,
  timeout: 504,
  cancelled: 409,
};

/** What is refused before a request reaches the supervisor. */
const REFUSED = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  too_large: 413,
  unsupported_media_type: 415,
  misdirected: 421,
  too_many_requests: 429,
} as const;
export type RefusedKind = keyof typeof REFUSED;

/** A request that is answered without asking anybody. */
export class Refused extends Error {
  readonly kind: RefusedKind;
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: RefusedKind, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'Refused';
    this.kind = kind;
    this.headers = headers;
  }
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  kind: string;
  hint?: string;
  data?: unknown;
}

export function problemOf(error: unknown): { problem: Problem; headers: Record<string, string> } {
  if (error instanceof Refused) {
    const status = REFUSED[error.kind];
    return {
      problem: problem(error.kind, status, error.kind.replaceAll('_', ' '), error.message),
      headers: { ...error.headers },
    };
  }
  const known = isRasenError(error) ? error : new RasenError('internal', 'Internal error.');
  const { kind, message, hint, data } = known;
  const status = STATUS[kind] ?? 500;
  const title = ERRORS[kind].about;
  return {
    problem: {
      ...problem(kind, status, title, message),
      ...(hint === undefined ? {} : { hint }),
      ...(data === undefined ? {} : { data }),
    },
    headers: status === 503 ? { 'Retry-After': '1' } : {},
  };
}

function problem(kind: string, status: number, title: string, detail: string): Problem {
  return { type: `urn:rasen:error:${kind}`, title, status, detail, kind };
}

export function answerProblem(c: Context, error: unknown): Response {
  const { problem, headers } = problemOf(error);
  return c.body(JSON.stringify(problem), problem.status as 400, {
    'Content-Type': 'application/problem+json',
    ...headers,
  });
}
