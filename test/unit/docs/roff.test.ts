/** Text becomes roff that shows exactly that text; the pages pass the checks of the tools that show them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ManPage } from '../../../packaging/docs/man-page.ts';
import { inline, lines, literal } from '../../../packaging/docs/roff-text.ts';
import { has, manPages, root } from './pages.ts';

describe('text', () => {
  test('that could be a request is text', () => {
    expect(lines('.rasen/ is a folder')).toEqual(['\\&.rasen/ is a folder']);
    expect(lines("'tis")).toEqual(["\\&'tis"]);
    const wrapped = lines(`${'word '.repeat(15)} .rasen/config.yaml and ${'word '.repeat(12)} .git`);
    expect(wrapped.filter(line => /^[.']/.test(line))).toEqual([]);
  });

  test('that is literal keeps its characters', () => {
    expect(literal(`a\\b --x 'y' ~^\``)).toBe('a\\(rsb \\-\\-x \\(aqy\\(aq \\(ti\\(ha\\(ga');
    expect(inline('use `--dry-run`, <<FILE>>')).toBe('use \\fB\\-\\-dry\\-run\\fP, \\fIFILE\\fP');
    expect(inline('a read-only view of rasen-protocol(7), without --plan-file')).toBe(
      'a read-only view of rasen\\-protocol(7), without \\-\\-plan\\-file',
    );
    expect(inline('the planner’s – ✓')).toBe('the planner\\(cqs \\(en \\[u2713]');
  });

  test('lines are short and sentences begin their own', () => {
    expect(lines('One. Two `x.` three.')).toEqual(['One.', 'Two \\fBx.\\fP three.']);
    expect(Math.max(...lines('long words in a row '.repeat(30)).map(line => line.length))).toBeLessThan(79);
  });
});

const sample = () => {
  const page = new ManPage({ name: 'sample-page', section: 1, version: '1', about: 'a sample' });
  page.section('Text');
  page.para('First.', 'Second: `.dot` "quoted" back\\slash.');
  page.item('`--flag` <<x>>', 'What it does.', 'More.');
  page.below(() => page.item('inner', 'Deeper.'));
  page.endList();
  page.code(".hidden -x 'a' \\n\n\n  indented");
  return page.toString();
};

test.runIf(has('mandoc'))('a sample shows as it was written', () => {
  const shown = spawnSync('mandoc', ['-Tascii', '-Omdoc'], {
    input: sample(),
    encoding: 'utf8',
  }).stdout.replaceAll(/.\x08/g, '');
  for (const text of ['Second: .dot "quoted" back\\slash.', '--flag x', ".hidden -x 'a' \\n", '  indented'])
    expect(shown).toContain(text);
});

// A page has no date: it would be that of the build, and the text would not be the same tomorrow.
const wanted = (line: string) => line !== '' && !line.includes('missing date');

describe.each(manPages.map(p => [p.path] as const))('%s', path => {
  test.runIf(has('mandoc'))('passes mandoc -Tlint', () => {
    const { stdout, stderr } = spawnSync('mandoc', ['-Tlint', join(root, path)], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`.split('\n').filter(wanted)).toEqual([]);
  });

  test.runIf(has('groff'))('passes groff -ww', () => {
    const { status, stderr } = spawnSync('groff', ['-ww', '-man', '-Tutf8', join(root, path)], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});
