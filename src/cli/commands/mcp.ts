/** `rasen mcp`: the MCP server on standard input and output. What it does is in src/mcp/. */
import { join } from 'node:path';
import { AGENT_PROGRAMS } from '../../contract/backends.ts';
import { shellLine } from '../../engine/shell-word.ts';
import { nearest } from '../../util/nearest.ts';
import { defineCommand, FORMAT } from '../command.ts';
import { usage } from '../errors.ts';
import { mcpDoor } from '../mcp-door.ts';

export const mcp = defineCommand({
  name: 'mcp',
  summary: 'Serve coding agents over MCP: they hand work over and get the result back',
  details: [
    'An agent starts it, and speaks with it over standard input and output; `rasen mcp install` tells an agent of it. Its tools are run, ensure, wait, status, logs, list, stop and trigger. What a person decides is not among them: answers, approvals, merges, rollbacks.',
    'It is a client of the supervisor, as this command is: when it ends, no task notices. See rasen-mcp(1).',
  ],
  options: [],
  examples: [
    { command: 'rasen mcp install claude', about: 'tell an agent of it' },
    { command: 'rasen mcp', about: 'what the agent then starts' },
  ],
  async run(_call, context) {
    const { out } = context;
    if (process.stdin.isTTY)
      throw usage(
        'An agent starts this and speaks with it over its standard input, which is a terminal here.',
        'To tell an agent of it: rasen mcp install claude',
      );
    const bundle = await context.loadMcpBundle();
    const door = mcpDoor(context, await context.loadConfigBundle());
    await bundle.serveMcp({ door, problem: text => out.note(text) });
  },
});

const CLIENTS = [...AGENT_PROGRAMS, 'cursor', 'vscode'];

export const mcpInstall = defineCommand<{ print?: boolean }>({
  name: 'mcp install',
  summary: 'Tell an agent of the MCP server',
  details: [
    'For this user, and all of its projects: with the command of the agent where it has one for that (`claude mcp add`, `codex mcp add`, `gemini mcp add`, `code --add-mcp`), else in its configuration, where nothing else is changed. An entry that is there already is left as it is where that can be told; codex and gemini replace it.',
    'The entry names this program by its path. Where RASEN_HOME or another variable says where the supervisor is, it is in the entry, too.',
  ],
  arguments: [{ name: 'client', about: CLIENTS.join(', '), choices: CLIENTS }],
  options: [{ flags: '--print', about: 'only show what would be done' }, ...FORMAT],
  examples: [
    { command: 'rasen mcp install claude', about: 'for Claude Code' },
    { command: 'rasen mcp install cursor --print', about: 'what would be written, and where' },
  ],
  async run({ args: [client], options }, context) {
    const { out, env } = context;
    if (!CLIENTS.includes(client!)) {
      const near = nearest(client!, CLIENTS);
      throw usage(
        `"${client}" is none that can be told.`,
        near ? `Did you mean: rasen mcp install ${near}` : `There are: ${CLIENTS.join(', ')}`,
      );
    }
    const bundle = await context.loadMcpBundle();
    const asked = { client: client!, env, program: join(__dirname, '../bin/rasen') };
    if (options.print) {
      const plan = bundle.planInstall(asked);
      return out.reply(plan, () =>
        plan.command ? shellLine(plan.command) : `In ${plan.file}:\n${plan.entry}`,
      );
    }
    const done = await bundle.install(asked);
    if (!out.json) for (const said of [done.output, done.advice]) if (said) out.note(said);
    out.reply(done, () =>
      done.changed
        ? `${client} knows of rasen${done.file ? `: ${done.file}` : ''}. Sessions that begin now have its tools.`
        : `${client} knows of rasen already; nothing was changed.`,
    );
  },
});
