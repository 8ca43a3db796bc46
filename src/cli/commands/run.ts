/** `rasen run`: run the task of this project, a command, or a file of subtasks. */

import { shellLine } from '../../engine/shell-word.ts';
import { isShellLine } from '../../submit/find-program.ts';
import { defineCommand, FORMAT, WAIT } from '../command.ts';
import { jobsOf } from '../each-items.ts';
import { ENV_OPTION } from '../env-option.ts';
import { usage } from '../errors.ts';
import { SKIP_OPTIONS } from '../resume-task.ts';
import {
  type CommandRunOptions,
  commandOrder,
  pipelineOrder,
  runCommand,
  runPipeline,
} from '../run-command.ts';
import { type ProjectRunOptions, projectOrder, runProject } from '../run-project.ts';
import { createTrigger, refuseForTrigger } from '../trigger-create.ts';
import {
  POLICY_OPTIONS,
  type PolicyOptions,
  seconds,
  WHEN_OPTIONS,
  type WhenOptions,
  wantsTrigger,
} from '../trigger-options.ts';
import { TURN_OPTIONS } from '../turn-options.ts';

interface Options extends ProjectRunOptions, CommandRunOptions, WhenOptions, PolicyOptions {
  file?: string;
}

const PROJECT_ONLY = ['config', 'skipReview', 'skipQa'] as const;
/** Of one command. */
const COMMAND_ONLY = ['stdin', 'pty', 'exitCode'] as const;

export const run = defineCommand<Options>({
  name: 'run',
  summary: 'Run the task of this project, a command, or a file of subtasks',
  details: [
    'Without words behind "--" it is the task that `rasen init` made here: it is started, or goes on if it was stopped. A supervisor is started where none answers.',
    'In the foreground, Ctrl-C on a terminal asks whether to stop the task or to detach from it; a second Ctrl-C detaches. Without a terminal SIGINT and SIGTERM stop the task, and a second one kills it. The command stays for that as long as the supervisor answers; where it does not, and at the third signal, it says what goes on and ends with 4. SIGHUP always detaches.',
    'The task gets the variables that builds and agents usually need, and those that are asked for: with --env, or with `env`, `pass_env` and `secrets` in the configuration or the plan file. What looks wanted and is not handed over is told. See rasen.yml(5), ENVIRONMENT AND SECRETS.',
    'No shell reads the command behind "--": for pipes, variables and the like, run one (`rasen run -- sh -c "a | b"`). The program is looked for before there is a task: the exit status is 127 when it is not there, 126 when it cannot be run. The command has the umask and the limits (ulimit) of this shell, but never more than the supervisor may have, and an empty standard input; with --stdin it has what is piped in, at most 64 MiB, which is kept with the task. With --pty it runs in a terminal of its own, which shows what it prints and in which nobody types (script(1)).',
    'A file of -f has subtasks as in rasen.yml(5), PLAN FILES: YAML, JSON, or JSON lines, with a subtask in each line, or the words of its command alone; one without an id is called by the number of its line. It is one task, durable before its first subtask begins.',
    'With --after it begins when the tasks that are named are completed; while one of them failed or was cancelled it is blocked, and it goes on by itself once that one is completed after all (`rasen retry --task`). With --group it waits until fewer tasks of its group are under way than `groups` in rasend.yml allows, which is one where that says nothing: a task has its place from its start until it is over, blocked or stopped. Where not all may run, --priority says who goes first.',
    'With --at, --every, --cron or --watch it makes a trigger: the supervisor starts a run whenever it is due, whether this machine slept, was restarted or not. What becomes of each time is written down once: a run, or the reason why there was none (`rasen trigger log`). The answer is the name of the trigger; `rasen trigger` has the commands for it. A run finds in its environment RASEN_TRIGGER (the name), RASEN_TRIGGER_SLOT, and with --watch RASEN_TRIGGER_FILE: a file with the changed paths as JSON.',
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
      about: 'run the subtasks of a file, each a command, in the order of their needs; "-" is standard input',
    },
    {
      flags: '-j, --jobs <n>',
      about: 'of a file: run so many subtasks at once (default: `parallel` in the file, or 1)',
      parse: jobsOf,
    },
    { flags: '--config <file>', about: 'read this file in place of rasen.yml' },
    ...SKIP_OPTIONS,
    WAIT,
    { flags: '--key <key>', about: 'one task per key: the same key again is the same task' },
    { flags: '--retry', about: 'do again what failed, where the task of this key is there and failed' },
    { flags: '--name <name>', about: 'short name of the task' },
    ...TURN_OPTIONS,
    ENV_OPTION,
    { flags: '--stdin', about: 'hand what is piped in to the command; it is kept with the task' },
    {
      flags: '--timeout <duration>',
      about: 'end a command, or each subtask of a file, that runs longer than this; it has failed then',
      parse: seconds('--timeout'),
    },
    { flags: '--pty', about: 'run the command in a terminal of its own' },
    { flags: '--exit-code', about: 'end with the exit status of the command instead of that of the task' },
    ...WHEN_OPTIONS,
    ...POLICY_OPTIONS,
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen run --background', about: 'the task of this project, in the background' },
    { command: 'rasen run -- npm test', about: 'a command that survives this terminal' },
    { command: 'rasen run --env DEPLOY_ENV=test -- make deploy', about: 'with a variable of its own' },
    { command: 'rasen run -f pipeline.yml', about: 'subtasks with needs' },
    {
      command: `printf '["make","%s"]\\n' lint test | rasen run -j 2 -f -`,
      about: 'a command in each line, as JSON',
    },
    { command: 'rasen run --after build -- make deploy', about: 'when the task build is completed' },
    { command: 'rasen run --group gpu -- ./train.sh', about: 'one at a time' },
    { command: "rasen run --cron '0 2 * * 1-5' --tz Europe/Berlin -f nightly.yml", about: 'on working days' },
    {
      command: 'rasen run --every 5m --notify on-change -- ./check.sh',
      about: 'a check that tells when it turns red',
    },
    { command: "rasen run --watch 'src/**' -- npm test", about: 'after each change' },
    { command: 'rasen run --background --format json | jq -r .id', about: 'for scripts' },
  ],
  async run({ args, options }, context) {
    if (options.background && options.foreground)
      throw usage('--background and --foreground exclude each other.');
    if (options.background && options.exitCode)
      throw usage('--background and --exit-code exclude each other: the command is not waited for.');
    if (options.stdin && options.pty)
      throw usage('--stdin and --pty exclude each other: the standard input is the terminal then.');
    if (options.retry && options.key === undefined)
      throw usage(
        '--retry is for orders with a key.',
        'For example: rasen run --key nightly --retry -- make',
      );
    const dashes = context.argv.indexOf('--');
    // Of the words behind "--" the parser was given the first; these are all, as they were given.
    const command = dashes < 0 ? [] : context.argv.slice(dashes + 1);
    const stray = args.slice(0, args.length - Math.min(1, command.length));
    if (stray.length > 0)
      throw usage(
        `"${stray[0]}" is not expected here.`,
        `To run it as a command: rasen run -- ${isShellLine(stray) ? `sh -c ${shellLine(stray)}` : shellLine(stray)}`,
      );
    if (dashes >= 0 && command.length === 0)
      throw usage('There is no command behind "--".', 'For example: rasen run -- npm test');
    const triggers = wantsTrigger(options);
    if (triggers) refuseForTrigger(options as Record<string, unknown>);
    if (command.length === 0 && options.file === undefined) {
      refuseCommandOnly(options);
      if (options.jobs !== undefined) throw usage('--jobs is for files: rasen run -j 2 -f FILE');
      if (options.timeout !== undefined)
        throw usage(
          '--timeout is for commands and files.',
          'For agents: orchestrator.session_timeout_seconds in rasen.yml.',
        );
      if (triggers) return await createTrigger(context, await projectOrder(context, options), options);
      if (options.retry)
        throw usage('--retry is for commands and files.', 'The command retry is for the task of a project.');
      return await runProject(context, options);
    }
    if (command.length > 0 && options.file !== undefined)
      throw usage('A file (-f) and a command exclude each other.');
    if (options.file === undefined && options.jobs !== undefined)
      throw usage('--jobs is for files (-f). For one command and many items: rasen each');
    const odd = PROJECT_ONLY.find(name => options[name] !== undefined);
    if (odd) throw usage(`--${flagOf(odd)} is for the task of a project, not for commands.`);
    if (options.file !== undefined) {
      refuseCommandOnly(options);
      if (triggers)
        return await createTrigger(context, await pipelineOrder(context, options.file, options), options);
      return await runPipeline(context, options.file, options);
    }
    if (triggers) return await createTrigger(context, await commandOrder(context, command, options), options);
    return await runCommand(context, command, options);
  },
});

const flagOf = (name: string) => name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);

function refuseCommandOnly(options: Options): void {
  const odd = COMMAND_ONLY.find(name => options[name] !== undefined);
  if (odd) throw usage(`--${flagOf(odd)} is for one command: rasen run --${flagOf(odd)} -- CMD`);
}
