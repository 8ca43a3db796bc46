/** `rasen notify test`: whether notifications arrive. */
import { EXIT } from '../../errors.ts';
import { capturedEnv } from '../captured-env.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { usage } from '../errors.ts';
import { projectFolder } from '../git-place.ts';
import { findProject } from '../project.ts';

/** Every channel takes 30 s at most. */
const TIMEOUT_MS = 60_000;

export const notifyTest = defineCommand({
  name: 'notify test',
  summary: 'Send a test notification through the channels of rasen.yml',
  details: [
    'It is sent by the supervisor, as those of tasks are, so that what a service cannot reach is seen. The exit status is 5 when a channel fails.',
  ],
  options: [...FORMAT],
  examples: [{ command: 'rasen notify test', about: 'before the first night' }],
  async run(_call, { cwd, env, out, link, loadConfigBundle }) {
    const bundle = await loadConfigBundle();
    const project = findProject(cwd)?.root ?? (await projectFolder(cwd));
    const { settings } = bundle.loadConfig({ project, env });
    const notify = bundle.notifyOf(settings);
    if (notify.command === null && notify.webhook === null && !notify.desktop)
      throw usage(
        'No channel is configured.',
        'Write one in rasen.yml: notify: {command: [program], webhook: https://…, desktop: true}',
      );
    const params = {
      notify,
      name: settings['project.name'] ?? project.split('/').filter(Boolean).at(-1) ?? 'project',
      project,
      env: capturedEnv(env, { pass: settings.pass_env, set: settings.env }),
      secrets: settings.secrets,
    };
    const { sent } = await link.persist(
      client => client.call('daemon.notify', params, { timeout_ms: TIMEOUT_MS }),
      { starts: true },
    );
    out.reply({ sent }, () =>
      sent.map(({ channel, ok, detail }) => `${channel}: ${ok ? 'sent' : detail}`).join('\n'),
    );
    return sent.every(({ ok }) => ok) ? EXIT.ok : EXIT.refused;
  },
});
