/** What the model of each program calls where a person would be asked: for an answer, and for leave to do something. */
import type { Turn } from './model-server.ts';
import type { Real } from './ways.ts';

type Call = NonNullable<Turn['tool']>;

const options = ['one', 'two'].map(label => ({ label, description: `number ${label}` }));
const question = { header: 'Database', question: 'Which database?', options };
const ask = (name: string, more: object): Call => ({
  name,
  input: { questions: [{ ...question, ...more }] },
});

export const QUESTIONS: Readonly<Record<Real, readonly Call[]>> = {
  claude: [
    ask('AskUserQuestion', { multiSelect: false }),
    // Not in the folders that it may read without asking.
    { name: 'Read', input: { file_path: '/etc/hostname' } },
  ],
  codex: [
    ask('request_user_input', { id: 'database' }),
    {
      name: 'exec_command',
      input: {
        cmd: 'true',
        sandbox_permissions: 'require_escalated',
        justification: 'May I run this outside of the sandbox?',
      },
    },
  ],
  // Leave it has for everything: it would have no shell otherwise.
  gemini: [ask('ask_user', { type: 'choice' })],
};
