/** `rasen hook …`: which triggers may be called from outside, through the gateway. */
import { type AnyCommand, defineCommand, FORMAT, many } from '../command.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';

interface AddOptions {
  kind?: 'standard' | 'github' | 'gitlab';
  event?: string[];
  filter?: string[];
}

const TRIGGER = { name: 'trigger', about: 'name of a webhook trigger' };

async function open({ paths, loadGatewayBundle }: Context) {
  const bundle = await loadGatewayBundle();
  return new bundle.HookSecrets(bundle.gatewayPaths(paths.home).hooks);
}

export const hookAdd = defineCommand<AddOptions>({
  name: 'hook add',
  summary: 'Let a trigger be called from outside; its secret is shown once',
  details: [
    'Deliveries come to POST /hooks/TRIGGER of `rasen gateway`, each signed with the secret: as Standard Webhooks say, as GitHub does, or with the token of GitLab. Added again, the trigger has another secret, and the old one is void.',
  ],
  arguments: [TRIGGER],
  options: [
    {
      flags: '--kind <kind>',
      about: 'how deliveries are signed; default: standard',
      choices: ['standard', 'github', 'gitlab'],
    },
    { flags: '--event <name>', about: 'only deliveries of this event; may be repeated', parse: many },
    {
      flags: '--filter <path=value>',
      about: 'only deliveries whose payload has this value, as ref=refs/heads/main; may be repeated',
      parse: many,
    },
    ...FORMAT,
  ],
  examples: [
    { command: 'rasen hook add deploy --kind github --event push --filter ref=refs/heads/main', about: '' },
  ],
  async run({ args: [trigger = ''], options }, context) {
    if (context.env.RASEN_ATTEMPT !== undefined)
      throw usage('Hooks are made by a person, not from inside a task.');
    const { kind = 'standard', event = [], filter = [] } = options;
    const filters = filter.map(text => {
      const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (path === undefined || value === undefined)
        throw usage(`--filter: "${text}" has no "=".`, 'For example: --filter ref=refs/heads/main');
      return { path, value };
    });
    const found = (await context.link.call('trigger.get', { trigger })) as { name: string; kind: string };
    if (found.kind !== 'webhook')
      throw usage(
        `Trigger ${found.name} is of the kind ${found.kind}; only webhook triggers are called from outside.`,
      );
    const secret = (await open(context)).set({ trigger: found.name, kind, events: event, filters });
    context.out.reply({ trigger: found.name, kind, secret, path: `/hooks/${found.name}` }, () => secret);
    if (!context.out.json)
      context.out.note(`deliveries go to POST /hooks/${found.name}; the secret is not shown again`);
  },
});

export const hookList = defineCommand({
  name: 'hook list',
  summary: 'List the triggers that may be called from outside',
  options: [...FORMAT],
  examples: [{ command: 'rasen hook list', about: '' }],
  async run(_call, context) {
    const found = (await open(context)).list();
    context.out.reply(found, () =>
      found.length === 0
        ? 'There are none. Add one: rasen hook add TRIGGER'
        : found
            .map(({ trigger, kind, events, filters }) =>
              [
                ...[trigger.padEnd(24), kind.padEnd(8), `/hooks/${trigger}`, ...events],
                ...filters.map(({ path, value }) => `${path}=${value}`),
              ].join('  '),
            )
            .join('\n'),
    );
  },
});

export const hookRemove = defineCommand({
  name: 'hook remove',
  summary: 'Let a trigger not be called from outside any more',
  arguments: [TRIGGER],
  options: [...FORMAT],
  examples: [{ command: 'rasen hook remove deploy', about: '' }],
  async run({ args: [trigger = ''] }, context) {
    (await open(context)).remove(trigger);
    context.out.reply({ trigger, removed: true }, () => `Removed: /hooks/${trigger}`);
  },
});

export const HOOK_COMMANDS: readonly AnyCommand[] = [hookAdd, hookList, hookRemove];
