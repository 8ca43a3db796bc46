/** `rasen config check|schema`: the configuration, without running anything. */
import { dirname, resolve } from 'node:path';
import { EXIT, isRasenError } from '../../contract/errors.ts';
import { configFolder } from '../../submit/config-folder.ts';
import { orderOfTrigger } from '../../submit/order.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { findProject } from '../project.ts';

export const configCheck = defineCommand({
  name: 'config check',
  summary: 'Check the configuration of this project, or a file',
  details: [
    'Every problem is told with file, line and column. The exit status is 0 when there is none, else 2.',
  ],
  arguments: [{ name: 'file', about: 'check this in place of rasen.yml', optional: true }],
  options: [...FORMAT],
  examples: [
    { command: 'rasen config check', about: 'rasen.yml, .rasen/config.yaml, your own and the environment' },
  ],
  async run({ args: [file] }, { cwd, env, out, loadConfigBundle }) {
    const bundle = await loadConfigBundle();
    const path = file === undefined ? undefined : resolve(cwd, file);
    const project = path && !findProject(cwd) ? dirname(path) : configFolder(cwd);
    try {
      const config = bundle.loadConfig({ project, env, file: path });
      const { files } = config;
      const triggers = Object.entries(config.settings.triggers);
      // What their runs do is put together as it will be, so that a missing file is told now.
      for (const [name, setting] of triggers) orderOfTrigger(bundle, setting.task, config, env, { name });
      out.reply({ ok: true, files, problems: [], triggers: triggers.map(([name]) => name) }, () =>
        ['ok', ...files.map(name => `  ${name}`)].join('\n'),
      );
      if (triggers.length > 0)
        out.note(
          `triggers: ${triggers.map(([name]) => name).join(', ')}. To take them over: rasen trigger apply`,
        );
      return EXIT.ok;
    } catch (error) {
      if (!isRasenError(error) || error.kind !== 'config') throw error;
      out.reply({ ok: false, files: [], problems: error.data?.problems ?? [] }, () => error.message);
      return error.exit;
    }
  },
});

export const configSchema = defineCommand<{ plan?: boolean }>({
  name: 'config schema',
  summary: 'Print the JSON Schema of rasen.yml, or of plan files',
  options: [{ flags: '--plan', about: 'of plan files' }],
  examples: [{ command: 'rasen config schema > rasen.schema.json', about: 'for an editor' }],
  async run({ options }, { out, loadConfigBundle }) {
    const bundle = await loadConfigBundle();
    out.answer(JSON.stringify(options.plan ? bundle.planSchemaJson() : bundle.configSchemaJson(), null, 2));
  },
});
