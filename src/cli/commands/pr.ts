/** `rasen pr`: pushes the branch of a completed task and opens a pull request for it. */
import { defineCommand, FORMAT, TASK } from '../command.ts';
import { usage } from '../errors.ts';
import { callTask } from '../task-calls.ts';
import { FORGE_API } from './gateway.ts';

interface Options {
  title?: string;
  body?: string;
  base?: string;
  push?: boolean;
  forgeApi?: string;
}

export const pr = defineCommand<Options>({
  name: 'pr',
  summary: 'Push the branch of a completed task and open a pull or merge request for it',
  details: [
    'The branch of the task goes to `origin`, never forced and never onto another branch. The pull request tells the goal, the result, the subtasks and the cost. Asked again for the same task it finds the request that is there.',
    'The token is that which came with the task. Without one it goes through `gh` or `glab` where that is installed and logged in at the host of `origin`; else GITHUB_TOKEN or GH_TOKEN is used. These are sent to github.com, or with --forge-api to that API where it is one of the host of `origin`.',
  ],
  arguments: [TASK],
  options: [
    { flags: '--title <text>', about: 'default: the first line of the goal' },
    { flags: '--body <text>', about: 'in place of the summary' },
    { flags: '--base <branch>', about: 'default: the default branch of the repository' },
    { flags: '--push', about: 'push the branch only, and open nothing' },
    FORGE_API,
    ...FORMAT,
  ],
  examples: [{ command: 'rasen pr', about: 'for the task of this project' }],
  async run({ args: [given], options }, context) {
    const { env, paths, out } = context;
    if (env.RASEN_ATTEMPT !== undefined)
      throw usage('Pushing is decided by a person, not from inside a task.');
    const { title, body, base } = options;
    const view = await callTask(context, 'task.get', given, {});
    const bundle = await context.loadGatewayBundle();
    const own = bundle.gatewayPaths(paths.home);
    const token = env.GITHUB_TOKEN || env.GH_TOKEN || undefined;
    const forge = new bundle.Forge(own, new bundle.Repositories(own), { api: options.forgeApi, token });
    if (options.push) {
      const pushed = await forge.push(view, null, null);
      out.reply(
        pushed,
        () =>
          `${pushed.again ? 'There already' : 'Pushed'}: ${pushed.branch} at ${pushed.commit.slice(0, 12)}`,
      );
      return;
    }
    const pull = await forge.openPullRequest(view, null, { title, body, base });
    out.reply(pull, () => pull.url);
  },
});
