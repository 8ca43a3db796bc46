/** Who answers on the socket: asked before, while and after a service manager is told to change something. */
import { isRasenError, RasenError } from '../contract/errors.ts';
import { connect } from '../index.ts';

export interface Answer {
  pid: number;
  version: string;
}

const POLL_MS = 50;
const CALL_MS = 5_000;

/** Null when nobody does in time: a service manager may take connections for one that does not come. */
export async function answerOn(socket: string, timeout_ms: number = CALL_MS): Promise<Answer | null> {
  try {
    const client = await connect({ socket, any_owner: true });
    try {
      const { pid, version } = await client.call('daemon.status', {}, { timeout_ms });
      return { pid, version };
    } finally {
      client.close();
    }
  } catch (error) {
    if (isRasenError(error)) return null;
    throw error;
  }
}

/** Waits until one answers that is `right`. Throws `unreachable`. */
export async function waitForAnswer(
  socket: string,
  { timeout_ms, right = () => true }: { timeout_ms: number; right?: (answer: Answer) => boolean },
): Promise<Answer> {
  for (const end = performance.now() + timeout_ms; ; ) {
    const answer = await answerOn(socket);
    if (answer && right(answer)) return answer;
    if (performance.now() > end)
      throw new RasenError(
        'unreachable',
        `The service was started, but rasend does not answer on ${socket}.`,
        {
          hint: '`rasen doctor` looks for the usual reasons.',
        },
      );
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}
