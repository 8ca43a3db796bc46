/** `rasen ensure`: a service that is there when the command returns, whoever started it. */
import { RESTARTS } from '../../contract/service-words.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { type EnsureOptions, ensureService, readyOf } from '../ensure-service.ts';
import { ENV_OPTION } from '../env-option.ts';
import { usage } from '../errors.ts';
import { seconds } from '../trigger-options.ts';

export const ensure = defineCommand<EnsureOptions>({
  name: 'ensure',
  summary: 'Make sure that a service of this folder is up, and print where',
  details: [
    'Where a service of this name and this command is up in this folder already, its URL is printed at once, and nothing is started; else it is started, or started again, and waited for until it is ready. Several at the same time start one. It goes on when the terminal is closed, is started again when it ends, and is stopped by `rasen stop NAME`. It is a task of its own, which `rasen list` and `rasen status` show, and `rasen logs` tells what it printed.',
    'It gets a free port as PORT, which is the same one at each start where nobody has taken it; ${PORT} in the command and behind --ready stands for it. A service that serves one port only names it with --port, or not at all and with --ready. See rasen.yml(5), SERVICES AND ORDER.',
    'The exit status is 0 when it is ready, whoever started it; 1 when it was given up, since it ended too often; 3 when a person is needed, as where another program has its port; 5 when a service of this name runs another command here; 75 when it was not ready in time, and goes on trying.',
  ],
  arguments: [
    { name: 'name', about: 'what the service is called, in this folder' },
    { name: 'command', about: 'behind "--": a program and its arguments', many: true, optional: true },
  ],
  options: [
    {
      flags: '--ready <how>',
      about:
        'when it is ready: tcp=PORT, http=URL, http=/PATH (at its port), line=TEXT of its output, file=PATH, command=LINE for sh (default: its port takes connections)',
      parse: readyOf,
    },
    { flags: '--port <port>', about: 'auto, or a number (default: auto, unless --ready names another one)' },
    {
      flags: '--timeout <duration>',
      about: 'how long it may take to get ready, and how long it is waited for (default: 60s)',
      parse: seconds('--timeout'),
    },
    { flags: '--restart <when>', about: 'when it ends (default: on-failure)', choices: RESTARTS },
    ENV_OPTION,
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen ensure web -- npm run dev', about: 'a dev server that reads PORT' },
    {
      command: "rasen ensure web --ready http=/health -- python3 -m http.server '${PORT}'",
      about: 'ready when /health answers',
    },
    { command: 'rasen ensure db --ready tcp=5432 -- postgres -D data', about: 'a port of its own' },
    { command: 'curl "$(rasen ensure web -- npm run dev)/"', about: 'in a script' },
  ],
  async run({ args: [name], options }, context) {
    const dashes = context.argv.indexOf('--');
    const command = dashes < 0 ? [] : context.argv.slice(dashes + 1);
    if (command.length === 0)
      throw usage('There is no command behind "--".', `For example: rasen ensure ${name} -- npm run dev`);
    return await ensureService(context, name!, command, options);
  },
});
