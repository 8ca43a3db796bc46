/** How the page asks: JSON with problem details, changes with a key that makes a repeated press one, streams that come back. */

export interface Problem {
  kind: string;
  status: number;
  detail: string;
  hint?: string;
}

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Called when the login is not good any more. */
export const onLogout: { call: () => void } = { call: () => {} };

async function answerOf<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const type = response.headers.get('Content-Type') ?? '';
  const value = type.includes('json') ? await response.json() : await response.text();
  if (response.ok) return value as T;
  if (response.status === 401) onLogout.call();
  throw new ProblemError(
    typeof value === 'object' && value !== null && 'detail' in value
      ? (value as Problem)
      : { kind: 'unknown', status: response.status, detail: `The gateway answered ${response.status}.` },
  );
}

export async function get<T>(path: string): Promise<T> {
  return await answerOf<T>(await fetch(path));
}

/** Pressed twice, or sent again after a lost answer, it is done once. */
export async function post<T>(
  path: string,
  body: unknown = {},
  key: string = crypto.randomUUID(),
): Promise<T> {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  return await answerOf<T>(await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

export interface Listening {
  close(): void;
}

/** How the connection is: the page says so when it is not there. */
export const connection = { lost: false, changed: () => {} };

const AGAIN_MS = 1500;

/** A stream with a cursor; what the browser gives up (an error status) is tried again. */
export function listen(path: string, on: (event: string, data: unknown) => void): Listening {
  let source: EventSource | null = null;
  let timer = 0;
  let last = '';
  let closed = false;
  const say = (lost: boolean) => {
    if (connection.lost === lost) return;
    connection.lost = lost;
    connection.changed();
  };
  const open = () => {
    const mark =
      last === '' ? '' : `${path.includes('?') ? '&' : '?'}last_event_id=${encodeURIComponent(last)}`;
    source = new EventSource(path + mark);
    source.onopen = () => say(false);
    source.onerror = () => {
      if (closed) return;
      say(true);
      if (source?.readyState !== EventSource.CLOSED) return;
      timer = window.setTimeout(open, AGAIN_MS);
      // An error of a stream has no status; this has.
      void get('/v1/whoami').catch(() => {});
    };
    for (const name of ['hello', 'event', 'log', 'end', 'problem'])
      source.addEventListener(name, message => {
        const { lastEventId, data } = message as MessageEvent<string>;
        if (lastEventId) last = lastEventId;
        on(name, JSON.parse(data));
        if (name === 'end') close();
      });
  };
  const close = () => {
    closed = true;
    window.clearTimeout(timer);
    source?.close();
  };
  open();
  return { close };
}
