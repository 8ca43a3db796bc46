/** rasen-mcp(1): the MCP server, its tools from the table of tools, and what an agent may not. */
import { DEPTH_MAX, HANDED_MAX } from '../../src/engine/handed.ts';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import { ManPage } from './man-page.ts';

export function rasenMcp1(version: string): string {
  const page = new ManPage({
    name: 'rasen-mcp',
    section: 1,
    version,
    about: 'hand work over to rasen over MCP, and get the result back',
  });
  page.section('Synopsis');
  page.para(
    '`rasen mcp`',
    '`rasen mcp install` `claude`|`codex`|`gemini`|`opencode`|`cursor`|`vscode` [`--print`]',
  );
  page.section('Description');
  page.para(
    '`rasen mcp` is a server of the Model Context Protocol on standard input and output, which a coding agent starts and speaks with. Its tools hand work over to the supervisor, rasend(8): work that takes longer than a call of a tool may, or than the session of the agent lives. It keeps nothing: what it has answered is durable with the supervisor, and when it ends, no task notices. Where no supervisor answers, handing work over starts one.',
    'It ends when its standard input does. What it has to say beside the protocol is on standard error.',
  );
  page.section('Installation');
  page.para(
    '`rasen mcp install` tells an agent of it, for this user and all projects: claude, codex, gemini and vscode with their own commands, opencode and cursor in their configuration, where comments, order and everything else stay as they are. A file that is no JSON, or has another entry called `rasen`, is not changed, and what would have been put in is printed. With `--print` nothing is done: it shows the command, or the file and the entry.',
    'Clients may ask before each call of a tool; `run` says of itself that it may do anything, since a command may. In the sessions of its tasks rasen allows the server of this name to claude and gemini; opencode does not ask; codex refuses where nobody can be asked, unless its config.toml has `default_tools_approval_mode = "approve"` below `[mcp_servers.rasen]`.',
    'By hand it is a server over stdio whose command is the path of `rasen` with the argument `mcp`. Where several instances are used, RASEN_HOME belongs into its environment.',
  );
  page.section('Tools');
  page.para(
    'An answer is an object, as structured content and as the same in text; that of `logs` is text alone. An error (`isError`) has `error` with `kind`, `code`, `message` and `hint`; the kinds are those of rasen(1), ERRORS. Arguments that a tool does not know are refused.',
  );
  for (const { name, description } of TOOLS) page.item(`\`${name}\``, description);
  page.endList();
  page.para(
    'What a person decides is no tool: answers to questions, approvals, merges, rollbacks, and going on with what is blocked.',
  );
  page.section('From inside a task');
  page.para(
    'An agent that rasen runs may hand work over as well. The supervisor knows who asks by what no process of a task can take off (rasend(8)), so that the same rules hold as for `rasen` itself: of other tasks it may stop only those that it has handed over, and it makes no triggers.',
  );
  page.item(
    'The result comes back',
    'When a task is over that was handed over so, its parent is told by a note, once, whatever is killed meanwhile: the session that runs where it can be spoken with, else the next one of the same task. The note has the name, the id, how it ended, and what its agent says or the last lines that it printed. A parent that is over by then is told when it goes on after all (`rasen retry`). Of a task that was submitted with `rasen run` nothing is told: who ran that sees its end.',
  );
  page.item(
    'Depth',
    `Work may be handed on ${DEPTH_MAX} times: by the task of a person, and by the task that that one made. Further it is refused (\`too_deep\`), with \`rasen run\` too. ${HANDED_MAX} tasks of one parent may be open at a time.`,
  );
  page.item(
    'Budgets',
    'What such a task has used counts against the budgets of its parent (`limits.tokens`, `limits.usd`) once it is over. While it goes on, its own budgets hold, and those of the day.',
  );
  page.item(
    'Sandbox',
    'A session in a sandbox (rasen.yml(5), SANDBOX) reaches nothing of rasen but a door of its own, at which the tools ask: a socket that nobody else sees, so that it is known which attempt it is. There it hands over commands, files of commands and services, and sees, waits for, stops and goes on with what it has handed over (unless that is blocked); of other tasks it is not told that they are there. What it hands over runs in a sandbox as its own: the same folders, the same hosts, no more memory, processors and processes, and in a folder that it works in itself; it has the environment of its task, with `env` inside of the sandbox alone, no secrets, and notices to nobody. Where no sandbox can be made it does not run. Refused (`not_permitted`) is work for an agent (a goal, or a step of a file), since whoever asks could say there which program runs outside; so are gates and, where the network is not open, services that are ready by an answer from it. A judge has no door, nor has a command in a sandbox.',
  );
  page.item(
    'Sandbox of an agent',
    'Of a sandbox that an agent makes for its own commands nothing is known here: what it hands over runs outside of that one, which is why `run` has agents ask.',
  );
  page.endList();
  page.section('Protocol');
  page.para(
    'Revision 2026-07-28, and for clients that begin with `initialize` those of 2024-10-07 to 2025-11-25, through the official SDK (@modelcontextprotocol/server 2.4.0). `wait` sends progress to clients that ask for it (`progressToken`). The extension for tasks is not offered: the SDK has no server for it. `wait` answers within 45 seconds instead, before clients give up on a call.',
  );
  page.section('Exit status');
  page.item('0', 'The client has closed its end, or a signal has ended it.');
  page.item('2', 'It was used wrongly: standard input is a terminal, or no such client can be told.');
  page.item('5', 'The command of an agent failed; its words are quoted.');
  page.item('127', 'The agent that was to be told is not on PATH.');
  page.endList();
  page.section('Examples');
  page.code(
    'rasen mcp install claude\nclaude "Run the whole test suite with rasen, and fix what fails"\nrasen list',
  );
  page.section('See also');
  page.para('rasen(1), rasen-agents(7), rasen-protocol(7), rasen.yml(5), rasend(8)');
  return page.toString();
}
