/** `rasen import`: what of a Procfile, process-compose.yaml, package.json or crontab can be had. */
import { resolve } from 'node:path';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { oneLine } from '../output.ts';
import { yamlText } from '../yaml-text.ts';

export const importProcesses = defineCommand({
  name: 'import',
  summary: 'Make a plan, gates or settings of files of other tools',
  details: [
    'It prints YAML and changes no file. Comments above it say what was taken, and what was not and why. Commands that end become the subtasks of a plan for `rasen run -f`, processes that stay up its services; scripts of package.json that check become gates for rasen.yml. What has a time of its own is a trigger, and not taken, as is what says neither that it ends nor that it stays up.',
    'For plans (Markdown, prd.json, tasks.json and the like) see `rasen init --plan` and `rasen plan import`.',
  ],
  arguments: [
    {
      name: 'file',
      about: 'a Procfile, process-compose.yaml, package.json, crontab or long_running_tasks.yaml',
    },
  ],
  options: FORMAT,
  examples: [
    { command: 'rasen import process-compose.yaml > pipeline.yml', about: 'a plan for rasen run -f' },
    { command: 'rasen import package.json >> rasen.yml', about: 'gates and setup' },
  ],
  run: ({ args: [file] }, context) => show(file!, context),
});

/** What Remote Developer was set to. The same command under the name that belongs to settings. */
export const configImport = defineCommand({
  name: 'config import',
  summary: 'Make settings of a long_running_tasks.yaml or package.json',
  details: [
    'It prints lines for rasen.yml and changes no file. Comments above them say what became of each key: a setting of rasen.yml, one of rasend.yml, so anyway, or not to be had and why. It is `rasen import` for files of settings.',
  ],
  arguments: [{ name: 'file', about: 'a long_running_tasks.yaml or package.json' }],
  options: FORMAT,
  examples: [
    {
      command: 'rasen config import config/long_running_tasks.yaml >> rasen.yml',
      about: 'from Remote Developer',
    },
  ],
  run: ({ args: [file] }, context) => show(file!, context),
});

async function show(file: string, context: Context): Promise<void> {
  const { out } = context;
  const bundle = await context.loadConfigBundle();
  const path = resolve(context.cwd, file);
  const found = bundle.importFile(file, path, bundle.readPlanText(path));
  if (out.json) return out.value(found);
  const { taken, left } = found;
  const width = Math.max(...[...taken, ...left].map(({ name }) => name.length), 0);
  const lines = [
    `# ${file}: ${taken.length} of ${taken.length + left.length} entries taken`,
    ...taken.map(({ name, as }) => comment(`${name.padEnd(width)}  ${as}`)),
    ...left.map(({ name, line, why }) => comment(`${name.padEnd(width)}  not taken (line ${line}): ${why}`)),
  ];
  out.print(`${lines.join('\n')}\n${found.file === null ? '' : yamlText(found.file)}`);
  out.note(summaryOf(found));
}

/** On one line: a name from the file must not end the comment. */
const comment = (text: string) => `#   ${oneLine(text, 300)}`;

function summaryOf({
  taken,
  left,
  gives,
  file,
}: {
  taken: unknown[];
  left: { name: string }[];
  gives: string;
  file: unknown;
}): string {
  const names = left.map(({ name }) => name);
  const rest =
    names.length === 0
      ? ''
      : `; not taken: ${names.slice(0, 8).join(', ')}${names.length > 8 ? `, … (${names.length})` : ''}`;
  const what =
    file === null
      ? ''
      : gives === 'plan'
        ? '; save the plan and run it: rasen run -f FILE'
        : '; the lines belong into rasen.yml';
  return `${taken.length} taken${rest}${what}`;
}
