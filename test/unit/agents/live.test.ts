/** What the readers know of a session while it goes on, over recorded streams: the end is told apart from what comes before. */
import { describe, expect, it } from 'vitest';
import type { LiveSigns } from '../../../src/agents/agent.ts';
import { AGENTS } from '../../../src/agents/index.ts';
import { recording, recordings } from '../../support/recordings.ts';

type Backend = 'claude' | 'codex' | 'gemini';

/** The signs after each line. */
function heard(backend: Backend, name: string): { line: string; live: LiveSigns }[] {
  const conversation = AGENTS[backend]([backend]).open()!;
  return recording(backend, name).lines.map(line => {
    conversation.feed(line);
    return { line, live: conversation.live() };
  });
}
const typeOf = (line: string) => (line.startsWith('{') ? (JSON.parse(line) as { type: string }).type : '');

describe.each(['claude', 'codex', 'gemini'] as const)('%s', backend => {
  it('runs tools, makes calls, and is through at its end alone', () => {
    const all = heard(backend, 'a-happy').filter(({ line }) => line !== '');
    expect(Math.max(...all.map(({ live }) => live.tools_running))).toBe(1);
    expect(all.findIndex(({ live }) => live.through)).toBe(all.length - 1);
    const { live } = all.at(-1)!;
    expect([live.tools_running, live.calls_made]).toEqual([0, 2]);
    expect(new Set(live.calls).size).toBe(2);
    expect(live.usage!.input_tokens).toBeGreaterThan(1000);
  });

  it('asked in between, says the same at its end as when it was not asked', () => {
    for (const name of recordings(backend)) {
      const [asked, quiet] = [AGENTS[backend]([backend]).open()!, AGENTS[backend]([backend]).open()!];
      for (const line of recording(backend, name).lines) {
        asked.feed(line);
        asked.live();
        quiet.feed(line);
      }
      const exit = { code: 0, ended_ms: 0 };
      expect(asked.end(exit), name).toEqual(quiet.end(exit));
    }
  });
});

describe('claude', () => {
  it('counts an answer while the session goes on', () => {
    const all = heard('claude', 'h1-include-partial-messages');
    const counts = all.map(({ live }) =>
      live.usage ? live.usage.input_tokens + live.usage.output_tokens : 0,
    );
    const early = counts[all.findIndex(({ line }) => typeOf(line) === 'result') - 1]!;
    expect(early).toBe(counts.at(-1));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  it('is not through while a command goes on in the background, and is when that has woken it', () => {
    const all = heard('claude', 'e6-tool-150s-default-timeout');
    const results = all.flatMap(({ line }, i) => (typeOf(line) === 'result' ? [i] : []));
    expect(results).toHaveLength(2);
    expect(all[results[0]!]!.live).toMatchObject({ through: false, tools_running: 1, answered: true });
    expect(all[results[0]! - 1]!.live.answered).toBe(false);
    expect(all[results[1]! - 1]!.live.answered, 'it was woken').toBe(false);
    expect(all[results[1]!]!.live).toMatchObject({ through: true, tools_running: 0 });
  });
});

it.each([
  ['claude', 'b2-killed-in-tool'],
  ['codex', 'b2-killed-in-tool'],
  ['gemini', 'b2-killed-in-tool'],
] as const)('%s: a tool still runs in %s', (backend, name) => {
  const { live } = heard(backend, name).at(-1)!;
  expect([live.tools_running, live.through]).toEqual([1, false]);
});
