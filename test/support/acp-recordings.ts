/**
 * Recorded conversations over ACP, in test/data/agents/acp: both directions, with their times. A recording has several
 * processes one after the other; each is a session here, as it would stand in the output of an attempt: the lines of the
 * agent, and before them what the session program says that it asks.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Message {
  id?: number;
  method?: string;
}

/** By number of the process; `1a`: up to the end of its first turn, where it has a second one. */
export function acpSessions(name: string): Record<string, string[]> {
  const path = join(import.meta.dirname, '../data/agents/acp', `${name}.jsonl`);
  const sessions: Record<string, string[]> = {};
  let n = 0;
  let prompts = 0;
  for (const line of readFileSync(path, 'utf8').split('\n').filter(Boolean)) {
    const { dir, m }: { dir: string; m: Message } = JSON.parse(line);
    if (dir === '<<') {
      sessions[n]!.push(JSON.stringify(m));
      continue;
    }
    if (m.method === 'initialize') {
      sessions[++n] = [];
      prompts = 0;
    }
    if (m.method === 'session/prompt' && ++prompts === 2) sessions[`${n}a`] = [...sessions[n]!];
    if (m.method !== undefined && m.id !== undefined)
      sessions[n]!.push(JSON.stringify({ type: 'rasen/asked', id: m.id, method: m.method }));
  }
  return sessions;
}
