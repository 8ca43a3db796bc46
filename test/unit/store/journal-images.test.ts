/** Every wrong image of a real journal, in memory: what is cut must be an unfinished end, and all else is damage. */
import { expect, test } from 'vitest';
import {
  decodeJournalLine,
  encodeJournalLine,
  MAX_LINE_BYTES,
  parseJournal,
} from '../../../src/store/file/journal.ts';
import { failedPipeline, writeLife } from '../../support/store-fixture.ts';
import { flipped, StoreRig, Tally } from '../../support/store-rig.ts';

const rig = new StoreRig();
const life = failedPipeline();
await writeLife(rig.open(), life);
const journal = rig.read(life.state.id, 'events.jsonl');
rig.close();

/** Where lines begin, and the end. */
const starts = [0, ...[...journal.keys()].filter(i => journal[i] === 10).map(i => i + 1)];
const lines = starts.slice(0, -1).map((start, i) => journal.subarray(start, starts[i + 1]));
const sound = parseJournal(journal).lines;

/** The sound lines must be a beginning of the real ones, whatever else is said. */
function judge(image: Buffer): 'damage' | 'torn' | 'shorter' | 'silent' {
  const reading = parseJournal(image);
  expect(reading.lines).toEqual(sound.slice(0, reading.lines.length));
  expect(reading.bytes).toBe(starts[reading.lines.length]);
  if (reading.damage !== null) return 'damage';
  if (reading.torn.length > 0) return 'torn';
  return reading.lines.length < sound.length ? 'shorter' : 'silent';
}

test('the journal itself is sound', () => {
  expect(parseJournal(journal)).toMatchObject({ bytes: journal.length, torn: Buffer.alloc(0), damage: null });
  expect(sound).toHaveLength(life.events.length);
});

test('cut at any byte: the unfinished end is torn off and the rest is kept', () => {
  const tally = new Tally();
  for (let size = 0; size < journal.length; size++) {
    const reading = parseJournal(journal.subarray(0, size));
    const whole = starts.filter(start => start <= size).length - 1;
    expect(reading.damage).toBeNull();
    expect(reading.lines).toHaveLength(whole);
    expect(reading.torn).toEqual(journal.subarray(starts[whole], size));
    tally.add(reading.torn.length > 0 ? 'cut' : 'at the end of a line');
  }
  tally.print('journal truncated at every byte');
});

test('any byte changed, in every way that matters: damage, and never a cut', () => {
  const tally = new Tally();
  for (let at = 0; at < journal.length; at++) {
    for (const mask of [0xff, 0x01, 0x20, 0x80]) tally.add(judge(flipped(journal, at, mask)));
    tally.add(judge(flipped(journal, at, journal[at]!)));
    if (journal[at] !== 10) tally.add(judge(flipped(journal, at, journal[at]! ^ 10)));
  }
  tally.print('journal flipped at every byte (5 masks, to NUL, to line end)');
  expect(tally.counts).toEqual({ damage: tally.images });
});

test('any byte taken out or doubled: damage, or the end of the file is missing', () => {
  const tally = new Tally();
  for (let at = 0; at < journal.length; at++) {
    const without = Buffer.concat([journal.subarray(0, at), journal.subarray(at + 1)]);
    const outcome = judge(without);
    expect(outcome).toBe(at === journal.length - 1 ? 'torn' : 'damage');
    tally.add(outcome);
    const twice = judge(Buffer.concat([journal.subarray(0, at + 1), journal.subarray(at)]));
    expect(twice).toBe('damage');
    tally.add(twice);
  }
  tally.print('journal with a byte removed or doubled');
});

test('any line removed, doubled or swapped: damage; without its last it is an earlier journal', () => {
  const tally = new Tally();
  lines.forEach((line, i) => {
    const removed = judge(Buffer.concat(lines.filter((_, j) => j !== i)));
    expect(removed).toBe(i === lines.length - 1 ? 'shorter' : 'damage');
    const doubled = judge(Buffer.concat(lines.flatMap((other, j) => (j === i ? [line, line] : [other]))));
    expect(doubled).toBe('damage');
    tally.add(removed);
    tally.add(doubled);
    for (let k = i + 1; k < lines.length; k++) {
      const swapped = lines.map((other, j) => (j === i ? lines[k]! : j === k ? line : other));
      const outcome = judge(Buffer.concat(swapped));
      expect(outcome).toBe('damage');
      tally.add(outcome);
    }
  });
  tally.print('lines removed, doubled, swapped in pairs');
});

test('blocks of zeros: torn at the end, damage where anything follows', () => {
  const tally = new Tally();
  for (const size of [1, 16, 512, 4096]) {
    for (let at = 0; at <= journal.length; at += 7) {
      // The file had grown, and from here on no data came.
      const grown = Buffer.concat([journal.subarray(0, at), Buffer.alloc(size)]);
      const cutsLine = starts.includes(at);
      const missesLineEnd = starts.includes(at + 1);
      const tail = judge(grown);
      expect(tail).toBe(missesLineEnd && !cutsLine ? 'damage' : 'torn');
      tally.add(tail);
      if (at + size >= journal.length) continue;
      const hole = Buffer.from(journal).fill(0, at, at + size);
      const middle = judge(hole);
      expect(middle).toBe('damage');
      tally.add(middle);
    }
  }
  tally.print('blocks of zeros');
});

test('a tail that is longer than any line is nothing that an append left', () => {
  const long = Buffer.alloc(MAX_LINE_BYTES + 1, 'x');
  expect(parseJournal(Buffer.concat([journal, long])).damage).toContain(`line ${lines.length + 1}`);
  expect(parseJournal(Buffer.concat([journal, long, Buffer.from('\n')])).damage).not.toBeNull();
  expect(parseJournal(Buffer.concat([journal, Buffer.alloc(5000, 'x')])).torn).toHaveLength(5000);
});

test('a line says what was put into it, and refuses to be longer than its limit', () => {
  const line = { seq: 1, type: 'x', text: 'grüß "dich"\\ \u0000 \ud800 😀 ,"crc":"00000000"}' };
  const text = encodeJournalLine(line);
  expect(decodeJournalLine(text.trimEnd())).toEqual({ ...line });
  expect(() => encodeJournalLine({ seq: 1, type: 'x', text: 'x'.repeat(MAX_LINE_BYTES) })).toThrow(
    'longer than',
  );
  for (const not of ['', '{}', 'null', '{"crc":"00000000"}', ',"crc":"00000000"}']) {
    expect(decodeJournalLine(not)).toBeNull();
  }
});
