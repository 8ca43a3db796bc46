/** The list of agents that are programs of their own, for those who look which of them are installed. */
import type { AgentProgram } from '../contract/backends.ts';
import { claudeProgram } from './claude/login.ts';
import { codexProgram } from './codex/login.ts';
import { geminiProgram } from './gemini/login.ts';
import type { ProgramFacts } from './login.ts';
import { opencodeProgram } from './opencode/login.ts';

export const PROGRAMS: Readonly<Record<AgentProgram, ProgramFacts>> = {
  claude: claudeProgram,
  codex: codexProgram,
  gemini: geminiProgram,
  opencode: opencodeProgram,
};
