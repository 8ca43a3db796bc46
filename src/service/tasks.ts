/**
 * Ends what runs through the supervisor, before its service is stopped: by the ladder that everything ends by, in both
 * cages, and so that it goes on at the next start.
 */
import { isRasenError } from '../contract/errors.ts';
import { connect } from '../index.ts';
import type { Paths } from '../paths.ts';
import type { Report } from './service.ts';

/** The grace of an attempt and the time of its kill, and some. */
const SUSPEND_MS = 60_000;

/** Whether all has ended. Not where no supervisor answers: then nothing happens. */
export async function suspendTasks({ socket }: Pick<Paths, 'socket'>, report: Report): Promise<boolean> {
  const client = await connect({ socket, any_owner: true }).catch(error => {
    if (isRasenError(error)) return null;
    throw error;
  });
  if (!client) return false;
  try {
    const { live_jobs } = await client.call('daemon.status', {});
    if (live_jobs > 0) report(`ending what runs (${live_jobs}); it goes on at the next start`);
    await client.call('daemon.suspend', {}, { timeout_ms: SUSPEND_MS });
    return true;
  } catch (error) {
    // An older one, or one that hangs, must not keep itself from being stopped.
    if (!isRasenError(error)) throw error;
    report(`rasend does not end it: ${error.message}`);
    return false;
  } finally {
    client.close();
  }
}
