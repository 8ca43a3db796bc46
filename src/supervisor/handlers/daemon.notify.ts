/** Answers `daemon.notify`: a test notice, sent as those of tasks are. */
import { sendAll } from '../../notify/index.ts';
import { testMessage } from '../../notify/message.ts';
import { secretPlaces } from '../../secrets/places.ts';
import { resolveSecrets } from '../../secrets/resolve.ts';
import { userEnv } from '../effects/user-env.ts';
import type { Handler } from './define.ts';

export const daemonNotify: Handler<'daemon.notify'> = async (params, { paths, far, closing }) => {
  const { notify, name, project, env, secrets } = params;
  const plain = { ...userEnv(), ...env };
  const world = { places: secretPlaces(paths), env: plain, platform: process.platform };
  const cwd = (await far.isFolder(project)) ? project : '/';
  const place = { env: { ...plain, RASEN_PROJECT: project }, cwd, signal: closing };
  const sent = await sendAll(notify, testMessage(name, project, Date.now()), place, () =>
    resolveSecrets(secrets, { command: 'notify', agents: true }, world),
  );
  return { sent };
};
