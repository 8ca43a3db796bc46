/** The keys of who works, and with what model and prompt: `models.*`, `agent.*`, `agents.*`. */
import { AGENT_PROGRAMS, BACKENDS } from '../contract/backends.ts';
import { command, own, seed } from './keys-row.ts';
import { relayAgents } from './relay-type.ts';
import { fixed, int, nullable, oneOf, text } from './types.ts';

const model = () => nullable(text(200, 'a model name'), 'the default of the agent');
const backend = () => nullable(oneOf(...BACKENDS), 'command, where a program is written');
/** A list of several is that of `agent.relay` beginning with the main agent; see walk.ts. */
const mainBackend = () => {
  const one = backend();
  return { ...one, schema: { anyOf: [one.schema, { type: 'array', items: one.schema, minItems: 1 }] } };
};
const promptFile = () => nullable(text(4096, 'a path'), 'the built-in text');

export const AGENTS_KEYS = {
  'models.default': seed(
    model(),
    null,
    'Model of every role that has none of its own, and no other backend than the main agent.',
    'the default of the agent',
  ),
  'models.initializer': seed(model(), null, 'Model of the planner.', 'models.default'),
  'models.coder': seed(model(), null, 'Model of the coder.', 'models.default'),
  'models.reviewer': seed(model(), null, 'Model of the reviewer.', 'models.default'),
  'models.qa': seed(model(), null, 'Model of QA.', 'models.default'),

  'models.fallback': own(
    nullable(text(200, 'a model name'), 'the same as before'),
    null,
    'Model after three attempts in a row that met an overloaded service, until one gets through; of every role that has no other backend than the main agent.',
    'none',
  ),

  'agent.backend': own(
    mainBackend(),
    null,
    `Agent of all roles that have none of their own. ${AGENT_PROGRAMS.join(', ')}: that program, started and understood in its own way. acp: a program that speaks the Agent Client Protocol, which agent.command names. command: any program, see agent.command. \`backend: ${AGENT_PROGRAMS[0]}\` is short for it.`,
    'command where agent.command is written',
  ),
  'agent.command': own(
    command(),
    null,
    'Program of all roles that have none of their own; the prompt is on its standard input. `agent: [..]` is short for it. With a backend of its own kind: where that program is, and its first arguments.',
    'the name of the backend',
  ),
  'agent.relay': own(
    relayAgents,
    [],
    `Agents that take over the work of the main agent, in this order, while its service is away: at a usage limit that is not over within limits.relay_after, without a login, and after an hour of overload. Each is a name, or a map with backend, command and model. \`backend: [${AGENT_PROGRAMS.slice(0, 2).join(', ')}]\` is short for the first as the main agent and the others here. See RELAY.`,
    'none',
  ),
  'agent.max_thinking_tokens': seed(int(0, 10_000_000), 4096, 'Handed to the agent as MAX_THINKING_TOKENS.'),
  'agents.initializer.backend': own(
    backend(),
    null,
    'Agent of the planner; without agents.initializer.command the program of that name.',
    'agent.backend',
  ),
  'agents.initializer.command': own(command(), null, 'Program of the planner.', 'agent.command'),
  'agents.initializer.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of the planner.',
    '.rasen/prompts/initializer.md if it exists',
  ),
  'agents.initializer.read_only': seed(fixed(false, 'the planner works in the worktree'), false, 'Fixed.'),
  'agents.coder.backend': own(
    backend(),
    null,
    'Agent of the coder; without agents.coder.command the program of that name.',
    'agent.backend',
  ),
  'agents.coder.command': own(command(), null, 'Program of the coder.', 'agent.command'),
  'agents.coder.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of the coder.',
    '.rasen/prompts/coder.md if it exists',
  ),
  'agents.coder.read_only': seed(fixed(false, 'the coder is the one who writes'), false, 'Fixed.'),
  'agents.reviewer.backend': own(
    backend(),
    null,
    'Agent of the reviewer; review runs where one is written; without agents.reviewer.command the program of that name.',
    'agent.backend',
  ),
  'agents.reviewer.command': own(
    command(),
    null,
    'Program of the reviewer; review runs where one is written.',
    'agent.command',
  ),
  'agents.reviewer.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of the reviewer.',
    '.rasen/prompts/reviewer.md if it exists',
  ),
  'agents.reviewer.read_only': seed(fixed(true, 'a reviewer works in a read-only checkout'), true, 'Fixed.'),
  'agents.qa.backend': own(
    backend(),
    null,
    'Agent of QA; QA runs where one is written; without agents.qa.command the program of that name.',
    'agent.backend',
  ),
  'agents.qa.command': own(command(), null, 'Program of QA; QA runs where one is written.', 'agent.command'),
  'agents.qa.prompt': seed(
    promptFile(),
    null,
    'File with the prompt of QA.',
    '.rasen/prompts/qa.md if it exists',
  ),
  'agents.qa.read_only': seed(fixed(true, 'QA works in a read-only checkout'), true, 'Fixed.'),
};
