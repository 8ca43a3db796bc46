/** The readers of all agents: without memory, and at home with whatever a program may print. */
import { describe, expect, test } from 'vitest';
import { readLine } from '../../../src/agents/read-line.ts';
import { READERS } from '../../../src/agents/readers.ts';
import type { ReadEvent, SessionEvent } from '../../../src/agents/session-event.ts';
import type { Backend } from '../../../src/contract/backends.ts';
import { recording, recordings } from '../../support/recordings.ts';

const FOLDERS: Readonly<Record<string, Backend>> = {
  claude: 'claude',
  codex: 'codex',
  'codex-app-server': 'codex',
  gemini: 'gemini',
  opencode: 'opencode',
};
const eventsOf = (line: string, read: ReadEvent): SessionEvent[] => {
  const said = readLine(line, read);
  return said.kind === 'events' ? said.events : [];
};

describe.each(Object.entries(FOLDERS))('%s', (folder, backend) => {
  const read = READERS[backend]!;
  const names = recordings(folder);

  test('a line says the same whatever came before it', () => {
    const lines = names.flatMap(name => recording(folder, name).lines);
    const forwards = lines.map(line => eventsOf(line, read));
    const backwards = lines.toReversed().map(line => eventsOf(line, read));
    expect(backwards.reverse()).toEqual(forwards);
    expect(forwards.flat().filter(({ kind }) => kind === 'unknown')).toEqual([]);
  });

  test.each(names)('%s: begins and ends in the shared vocabulary', name => {
    const events = recording(folder, name).lines.flatMap(line => eventsOf(line, read));
    const session = events.find(({ kind }) => kind === 'session');
    // What never began has no event at all.
    expect(session === undefined).toBe(events.length === 0);
    const began = new Set(events.flatMap(event => (event.kind === 'tool' ? [event.id] : [])));
    for (const event of events) if (event.kind === 'tool_over') expect(began).toContain(event.id);
  });
});

test.each(Object.entries(READERS))('%s: the session program’s own lines are read alike', (_, read) => {
  const said = { type: 'rasen/note_said', note: '0001' };
  expect(readLine(JSON.stringify(said), read)).toEqual({
    kind: 'events',
    event: said,
    events: [{ kind: 'own', type: said.type, said }],
  });
});

test.each(Object.entries(READERS))('%s: what it does not know is given its name', (_, read) => {
  expect(eventsOf('{"type":"telepathy"}', read)).toMatchObject([{ kind: 'unknown', name: 'telepathy' }]);
  expect(readLine('{"thought":1}', read)).toEqual({ kind: 'unreadable' });
  expect(readLine('{"type":"tele', read)).toEqual({ kind: 'unreadable' });
  expect(readLine('\u001b[91mError:\u001b[0m no', read)).toEqual({ kind: 'words', words: 'Error: no' });
  expect(readLine('  ', read)).toEqual({ kind: 'empty' });
});
