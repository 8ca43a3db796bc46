/** The list of dialogues. A new kind is one file, one line here, and its name in `Talk`. */
import { tmpdir } from 'node:os';
import type { Talk } from '../agents/agent.ts';
import { acpDialogue } from './acp.ts';
import { claudeDialogue } from './claude.ts';
import { codexDialogue } from './codex.ts';
import type { Dialogue, Later } from './dialogue.ts';

export const DIALOGUES: Readonly<Partial<Record<Talk['kind'], (talk: Talk, later: Later) => Dialogue>>> = {
  acp: (talk, later) => acpDialogue(talk, later, tmpdir()),
  claude: claudeDialogue,
  codex: codexDialogue,
};
