/**
 * The list of dialogues. A new kind is one file, one line here, and its name in `Talk`. One that brings a library is loaded
 * where it is needed alone: each session program costs its memory for as long as its agent works.
 */
import { tmpdir } from 'node:os';
import type { Talk } from './agent.ts';
import { claudeDialogue } from './claude/dialogue.ts';
import { codexDialogue } from './codex/dialogue.ts';
import type { Dialogue, Later } from './dialogue.ts';

type Open = (talk: Talk, later: Later) => Dialogue;

export const DIALOGUES: Readonly<Record<Talk['kind'], () => Promise<Open>>> = {
  acp: async () => {
    const { acpDialogue } = await import('./acp/dialogue.ts');
    return (talk, later) => acpDialogue(talk, later, tmpdir());
  },
  claude: async () => claudeDialogue,
  codex: async () => codexDialogue,
};
