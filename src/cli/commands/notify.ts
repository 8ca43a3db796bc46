/** `rasen notify test`: whether notifications arrive. */
import { basename } from 'node:path';
import { EXIT, RasenError } from '../../contract/errors.ts';
import { userConfigPath } from '../../host/config-files.ts';
import { capturedEnv } from '../../submit/captured-env.ts';
import { configFolder } from '../../submit/config-folder.ts';
import { defineCommand, FORMAT } from '../command.ts';

/** Every channel takes 30 s at most. */
const TIMEOUT_MS = 60_000;

export const notifyTest = defineCommand({
  name: 'notify test',
  summary: 'Send a test notification through the channels that a task started here would use',
  details: [
    'The channels are those of rasen.yml and of your own configuration; see rasen.yml(5). The supervisor sends the notification, as it does for tasks, so that a program or an address out of its reach is found. The exit status is 5 when a channel fails, and 2 when nothing would ever be sent.',
  ],
  options: [...FORMAT],
  examples: [{ command: 'rasen notify test', about: 'before the first night' }],
  async run(_call, { cwd, env, out, link, loadConfigBundle }) {
    const bundle = await loadConfigBundle();
    const project = configFolder(cwd);
    const { settings } = bundle.loadConfig({ project, env });
    const { notify, secrets } = bundle.noticesOf(settings);
    if (notify === null) throw silent('No channel is configured', userConfigPath(env));
    if (notify.on.length === 0) throw silent('notify.on is empty', userConfigPath(env));
    // Plain commands do not get these, and neither does what tells of them.
    const works = bundle.agentsOf(settings).length > 0;
    const asked = works ? { pass: settings.pass_env, set: settings.env } : { pass: [], set: {} };
    const params = {
      notify,
      name: settings['project.name'] ?? (basename(project) || 'project'),
      project,
      env: capturedEnv(env, asked),
      secrets,
    };
    const { sent } = await link.persist(
      client => client.call('daemon.notify', params, { timeout_ms: TIMEOUT_MS }),
      { starts: true },
    );
    out.reply({ sent, on: notify.on }, () =>
      sent.map(({ channel, ok, detail }) => `${channel}: ${ok ? 'sent' : detail}`).join('\n'),
    );
    out.note(`tasks started here tell of: ${notify.on.join(', ')}`);
    return sent.every(({ ok }) => ok) ? EXIT.ok : EXIT.refused;
  },
});

const silent = (why: string, own: string) =>
  new RasenError('config', `${why}: a task started here tells nobody.`, {
    hint: `Write in rasen.yml, or for all projects in ${own}: notify: {command: [program], webhook: https://…, desktop: true}`,
  });
