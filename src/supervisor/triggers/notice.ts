/** A notice of a trigger itself: it has paused, or a success is overdue. */
import { messageOf } from '../../contract/errors.ts';
import type { FarFiles } from '../../host/far-files.ts';
import { problemOf, sendAll } from '../../notify/index.ts';
import { triggerMessage } from '../../notify/message.ts';
import type { SecretPlaces } from '../../secrets/places.ts';
import { resolveSecrets } from '../../secrets/resolve.ts';
import type { TriggerState } from '../../triggers/state.ts';
import { userEnv } from '../effects/user-env.ts';

export interface NoticeParts {
  secrets: SecretPlaces;
  far: Pick<FarFiles, 'isFolder'>;
  closing: AbortSignal;
}

/** Never throws. */
export async function tell(
  { secrets: places, far, closing }: NoticeParts,
  state: TriggerState,
  text: string,
  captured: Record<string, string>,
): Promise<{ ok: boolean; detail: string | null }> {
  const { name, task } = state.definition;
  const { notify, project, secrets, env } = task;
  if (notify === null) return { ok: true, detail: 'nobody is to be told' };
  try {
    const plain = { ...userEnv(), ...captured, ...env };
    const cwd = (await far.isFolder(project)) ? project : '/';
    const place = { env: { ...plain, RASEN_PROJECT: project, RASEN_TRIGGER: name }, cwd, signal: closing };
    const agents = Object.keys(task.agents).length > 0;
    const sent = await sendAll(notify, triggerMessage(name, project, text, Date.now()), place, () =>
      resolveSecrets(
        secrets,
        { command: 'notify', agents },
        { places, env: plain, platform: process.platform },
      ),
    );
    const detail = problemOf(sent);
    return { ok: detail === null, detail };
  } catch (error) {
    return { ok: false, detail: messageOf(error) };
  }
}
