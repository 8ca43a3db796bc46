/** The list of readers, for everybody who shows what agents say. Agents whose output is no stream of events have none. */
import { readAcp } from './acp/stream.ts';
import { readClaude } from './claude/stream.ts';
import { readCodex } from './codex/stream.ts';
import { readGemini } from './gemini/stream.ts';
import { readOpencode } from './opencode/stream.ts';

export const READERS = {
  claude: readClaude,
  codex: readCodex,
  gemini: readGemini,
  opencode: readOpencode,
  acp: readAcp,
};
