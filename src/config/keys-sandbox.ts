/** The keys of sandboxes: `sandbox.*`, `agents.<role>.sandbox`. */
import { SANDBOX_MODES } from '../contract/sandbox.ts';
import { own } from './keys-row.ts';
import { network } from './network-type.ts';
import { listOf, nullable, oneOf, text } from './types.ts';

const mode = () => oneOf(...SANDBOX_MODES);
const paths = () => listOf(text(4096, 'a path'), 200, 'a list of paths');
const role = (name: string) =>
  own(nullable(mode(), 'sandbox.mode'), null, `Whether ${name} works in a sandbox.`, 'sandbox.mode');

export const SANDBOX_KEYS = {
  'sandbox.mode': own(
    nullable(mode(), 'on for the agents that rasen knows, off for a program of your own'),
    null,
    'Whether agents work in a sandbox. on: where the machine can, which rasen doctor tells. require: where it cannot, nothing is started. What a program of your own needs outside of its workspace nobody knows, so it has a sandbox only when you say so. `sandbox: off` is short for it. See SANDBOX.',
  ),
  'sandbox.commands': own(mode(), 'off', 'The same for commands of subtasks, and for setup.'),
  'sandbox.gates': own(mode(), 'off', 'The same for the commands of gates.'),
  'sandbox.write': own(
    paths(),
    [],
    'What can be written in a sandbox besides; relative to the project, or with ~/ for the home.',
  ),
  'sandbox.read': own(
    paths(),
    [],
    'What can be read in a sandbox although it is usually hidden, such as ~/.config/gh.',
  ),
  'sandbox.network': own(
    network(),
    'all',
    'What can be reached from a sandbox. none: only what runs in it; no agent whose model is elsewhere works so. A list: these hosts, such as api.anthropic.com, *.npmjs.org, git.example.org:22 or 127.0.0.1:11434, by a proxy that the environment names.',
  ),
  'agents.initializer.sandbox': role('the planner'),
  'agents.coder.sandbox': role('the coder'),
  'agents.reviewer.sandbox': role('the reviewer'),
  'agents.qa.sandbox': role('QA'),
};
