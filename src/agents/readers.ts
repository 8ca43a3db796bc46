/** The list of readers, apart from the others because pages of a browser have it, too. */
import type { Backend } from '../contract/backends.ts';
import { readAcp } from './acp/stream.ts';
import { readClaude } from './claude/stream.ts';
import { readCodex } from './codex/stream.ts';
import { readGemini } from './gemini/stream.ts';
import { readOpencode } from './opencode/stream.ts';
import type { ReadEvent } from './session-event.ts';

/** How the output of each is read; left out: it is no stream of events. */
export const READERS: Readonly<Partial<Record<Backend, ReadEvent>>> = {
  claude: readClaude,
  codex: readCodex,
  gemini: readGemini,
  opencode: readOpencode,
  acp: readAcp,
};
