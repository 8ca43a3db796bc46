/** The list of dialogues. A new kind is one file, one line here, and its name in `Talk`. */
import type { Talk } from '../agents/agent.ts';
import { claudeDialogue } from './claude.ts';
import { codexDialogue } from './codex.ts';
import type { Dialogue } from './dialogue.ts';

export const DIALOGUES: Readonly<Partial<Record<Talk['kind'], (talk: Talk) => Dialogue>>> = {
  claude: claudeDialogue,
  codex: codexDialogue,
};
