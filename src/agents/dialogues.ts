/**
 * The list of dialogues: how agents are spoken with while they work. One that brings a library is loaded where it is needed
 * alone: each session program costs its memory for as long as its agent works.
 */
import { tmpdir } from 'node:os';
import type { Backend } from '../contract/backends.ts';
import type { Talk } from './agent.ts';
import { claudeDialogue } from './claude/dialogue.ts';
import { codexDialogue } from './codex/dialogue.ts';
import type { Dialogue, Later } from './dialogue.ts';

type Open = (talk: Talk, later: Later) => Dialogue;

/** Left out: it works by itself. */
export const DIALOGUES: Readonly<Partial<Record<Backend, () => Promise<Open>>>> = {
  claude: async () => claudeDialogue,
  codex: async () => codexDialogue,
  acp: async () => {
    const { acpDialogue } = await import('./acp/dialogue.ts');
    return (talk, later) => acpDialogue(talk, later, tmpdir());
  },
};
