/** One look at a service: whether it is well, or what was found instead. Never fails. */
import { connect } from 'node:net';
import { isAbsolute, join } from 'node:path';
import { messageOf } from '../../contract/errors.ts';
import type { Probe } from '../../contract/service.ts';
import { withPort } from '../../engine/service.ts';
import { statForeign } from '../../host/foreign-file.ts';
import { readOutput } from '../../runner/tail.ts';
import { outputOf } from '../../secrets/command.ts';
import type { Fence } from './sandboxed.ts';

/** Longest single look. */
const LOOK_MS_MAX = 5000;
const CHUNK_BYTES = 256 * 1024;
/** Times of files may be a little behind the clock. */
const FILE_SLACK_MS = 1000;

/** null: it is well. Else what was found, as the end of a sentence. */
export type Look = () => Promise<string | null>;

export interface LookedAt {
  port: number | null;
  /** Of its job: where its output is. */
  folder: string;
  /** When it was started. */
  since_ms: number;
  /** Where it runs. */
  cwd: () => Promise<string>;
  /** Environment of commands that look at it, and the sandbox of the service: its programs may be in what an agent writes. */
  env: () => Promise<Record<string, string>>;
  fence: () => Promise<Pick<Fence, 'wrap' | 'env'>>;
  /** Raised: nobody asks any more. */
  signal: AbortSignal;
}

export function lookerOf(probe: Probe, looked: LookedAt): Look {
  const { port, folder, since_ms, cwd } = looked;
  switch (probe.kind) {
    case 'tcp':
      return () => connectionTo(withPort(probe.address, port));
    case 'http':
      return () => answerOf(withPort(probe.url, port));
    case 'line':
      return lineIn(folder, withPort(probe.text, port));
    case 'file':
      return orWords(async () => {
        const path = withPort(probe.path, port);
        return writtenSince(isAbsolute(path) ? path : join(await cwd(), path), path, since_ms);
      });
    case 'command':
      return orWords(() =>
        endOf(
          probe.run.map(word => withPort(word, port)),
          looked,
        ),
      );
  }
}

/** What it prints stays unsaid: it may be anything. */
async function endOf(argv: string[], { cwd, env, fence, signal }: LookedAt): Promise<null> {
  const { wrap, env: outer } = await fence();
  const place = { cwd: await cwd(), env: outer(await env()) };
  const limits = { timeout_ms: LOOK_MS_MAX, leaves_nothing: true, signal };
  await outputOf({ ...place, ...limits, argv: wrap(argv), name: argv[0], hint: '' });
  return null;
}

const orWords =
  (look: Look): Look =>
  () =>
    look().catch(messageOf);

/** Where no host is written, what listens for IPv6 alone counts, too, as some do for `localhost`. */
async function connectionTo(address: string): Promise<string | null> {
  const [, host, port] = /^(?:(.*):)?(\d+)$/.exec(address) ?? [];
  const hosts = host === undefined ? ['127.0.0.1', '::1'] : [host.replace(/^\[|\]$/g, '')];
  const found = await Promise.all(hosts.map(name => connectsTo(name, Number(port))));
  return found.includes(null) ? null : `nothing takes connections at ${address} (${found[0]})`;
}

function connectsTo(host: string, port: number): Promise<string | null> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: LOOK_MS_MAX });
    const over = (found: string | null) => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', () => over(null));
    socket.once('timeout', () => over('no answer'));
    socket.once('error', error => over((error as NodeJS.ErrnoException).code ?? error.message));
  });
}

async function answerOf(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(LOOK_MS_MAX) });
    await answer.body?.cancel();
    return answer.status < 400 ? null : `${url} answers with status ${answer.status}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return `${url} does not answer (${(cause as NodeJS.ErrnoException).code ?? messageOf(cause)})`;
  }
}

/** Reads on where the last look ended. */
function lineIn(folder: string, text: string): Look {
  let from = 0;
  let rest = '';
  return async () => {
    for (;;) {
      const chunk = await readOutput(folder, from, CHUNK_BYTES);
      if ('problem' in chunk) return `its output ${chunk.problem}`;
      const before = from;
      from = chunk.next;
      if (!('gap' in chunk)) {
        const said = rest + chunk.bytes.toString('utf8');
        if (said.includes(text)) return null;
        rest = said.slice(-text.length);
      }
      if (from === before) return `no line of its output has "${text}"`;
    }
  };
}

function writtenSince(path: string, named: string, since: number): string | null {
  const found = statForeign({ root: '/', path: path.slice(1) });
  if (!found.ok) return `${named} ${found.problem}`;
  return found.value.mtimeMs >= since - FILE_SLACK_MS ? null : `${named} is older than its start`;
}
