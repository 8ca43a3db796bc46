/** `rasen run`: run the task of this project, a command, or a file of subtasks. */
import { ENV_OPTION } from '../asked-env.ts';
import { defineCommand, FORMAT, WAIT } from '../command.ts';
import { usage } from '../errors.ts';
import { SKIP_OPTIONS } from '../resume-task.ts';
import { runCommand, runPipeline } from '../run-command.ts';
import { type ProjectRunOptions, runProject } from '../run-project.ts';

interface Options extends ProjectRunOptions {
  file?: string;
}

const PROJECT_ONLY = ['config', 'skipReview', 'skipQa'] as const;

export const run = defineCommand<Options>({
  name: 'run',
  summary: 'Run the task of this project, a command, or a file of subtasks',
  details: [
    'Without words behind "--" it is the task that `rasen init` made here: it is started, or goes on if it was stopped. A supervisor is started where none answers.',
    'In the foreground, Ctrl-C on a terminal asks whether to stop the task or to detach from it; a second Ctrl-C detaches. Without a terminal SIGINT and SIGTERM stop the task, and a second one kills it. The command stays for that as long as the supervisor answers; where it does not, and at the third signal, it says what goes on and ends with 4. SIGHUP always detaches.',
    'The task gets the variables that builds and agents usually need, and those that are asked for: with --env, or with `env`, `pass_env` and `secrets` in the configuration or the plan file. What looks wanted and is not handed over is told. See rasen.yml(5), ENVIRONMENT AND SECRETS.',
    'The exit status is that of the task: 0 completed, 1 failed, 3 blocked, 75 waiting for a usage limit, the end of quiet hours or the budget of the next day, 130 stopped.',
  ],
  arguments: [
    { name: 'command', about: 'behind "--": a program and its arguments', optional: true, many: true },
  ],
  options: [
    { flags: '--background', about: 'return when the task is accepted' },
    {
      flags: '--foreground',
      about: 'show it here until it is over (default, unless background.enabled is set)',
    },
    {
      flags: '-f, --file <file>',
      about: 'run the subtasks of a file, each a command, in the order of their needs',
    },
    { flags: '--config <file>', about: 'read this file in place of rasen.yml' },
    ...SKIP_OPTIONS,
    WAIT,
    { flags: '--key <key>', about: 'one task per key: the same key again is the same task' },
    { flags: '--name <name>', about: 'short name of the task' },
    ENV_OPTION,
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen run --background', about: 'the task of this project, in the background' },
    { command: 'rasen run -- npm test', about: 'a command that survives this terminal' },
    { command: 'rasen run --env DEPLOY_ENV=test -- make deploy', about: 'with a variable of its own' },
    { command: 'rasen run -f pipeline.yml', about: 'subtasks with needs' },
    { command: 'rasen run --background --format json | jq -r .id', about: 'for scripts' },
  ],
  async run({ args, options }, context) {
    if (options.background && options.foreground)
      throw usage('--background and --foreground exclude each other.');
    const dashes = context.argv.indexOf('--');
    const behind = dashes < 0 ? 0 : context.argv.length - dashes - 1;
    if (args.length > behind)
      throw usage(
        `"${args[0]}" is not expected here.`,
        `To run it as a command: rasen run -- ${args.join(' ')}`,
      );
    if (dashes >= 0 && behind === 0)
      throw usage('There is no command behind "--".', 'For example: rasen run -- npm test');
    if (args.length === 0 && options.file === undefined) return await runProject(context, options);
    if (args.length > 0 && options.file !== undefined)
      throw usage('A file (-f) and a command exclude each other.');
    const odd = PROJECT_ONLY.find(name => options[name] !== undefined);
    if (odd) {
      const flag = odd.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
      throw usage(`--${flag} is for the task of a project, not for commands.`);
    }
    if (options.file !== undefined) return await runPipeline(context, options.file, options);
    return await runCommand(context, args, options);
  },
});
