/** An entry in a JSON file of somebody else: all the rest stays as it is. */
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addEntry, withEntry } from '../../../src/mcp/install/json-file.ts';

const path = ['mcpServers', 'rasen'];
const value = { command: '/usr/bin/rasen', args: ['mcp'] };
const add = (text: string) => withEntry('mcp.json', text, { path, value });

describe('an entry', () => {
  it('comes into an empty file, and into one that has others', () => {
    for (const text of ['', '  \n', '{}'])
      expect(JSON.parse(add(text)!)).toEqual({ mcpServers: { rasen: value } });
    expect(JSON.parse(add('{"a": [1], "mcpServers": {"b": {"command": "x"}}}')!)).toEqual({
      a: [1],
      mcpServers: { b: { command: 'x' }, rasen: value },
    });
  });

  it('leaves comments, order, indentation and commas as they are', () => {
    const text = `// mine
{
\t"z": 1, /* first */
\t"mcpServers": {
\t\t// the other one
\t\t"b": { "command": "x" },
\t},
\t"a": "é"
}
`;
    const next = add(text)!;
    expect(next).toBe(
      text.replace(
        '{ "command": "x" },',
        '{ "command": "x" },\n\t\t"rasen": {\n\t\t\t"command": "/usr/bin/rasen",\n\t\t\t"args": [\n\t\t\t\t"mcp"\n\t\t\t]\n\t\t},',
      ),
    );
    // Read again it is there.
    expect(add(next)).toBeNull();
  });

  it('makes what is around it where that is missing', () => {
    expect(add('{\n    "a": 1 // one\n}\n')).toBe(
      '{\n    "a": 1, // one\n    "mcpServers": {\n        "rasen": {\n            "command": "/usr/bin/rasen",\n            "args": [\n                "mcp"\n            ]\n        }\n    }\n}\n',
    );
    expect(add('{"a": {}, "mcpServers": { /* none */ }}')).toContain('{\n    "rasen": {');
  });

  it.each([
    ['behind its comma', '{\n  "a": 1, // of a\n}\n', '"a": 1, // of a\n'],
    ['before its comma', '{\n  "a": 1 /* of a */,\n}\n', '"a": 1 /* of a */,\n'],
    ['on the next line', '{\n  "a": 1\n  // of all\n}\n', '\n  // of all\n}'],
    ['around its comma', '{\n  "a": 1 /* x */, /* y */ // z\n}\n', '"a": 1 /* x */, /* y */ // z\n'],
  ])('leaves a comment %s with what it is about', (_, text, kept) => {
    const next = add(text)!;
    expect(next).toContain(kept);
    expect(add(next)).toBeNull();
  });

  it('goes where a link leads, and is refused where that is nowhere, or what is there is no UTF-8', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rasen-mcp-'));
    try {
      const at = (name: string) => join(folder, name);
      writeFileSync(at('real.json'), '{}\n');
      symlinkSync('real.json', at('link.json'));
      expect(addEntry(at('link.json'), { path, value })).toBe(true);
      expect(lstatSync(at('link.json')).isSymbolicLink()).toBe(true);
      expect(readFileSync(at('real.json'), 'utf8')).toContain('/usr/bin/rasen');
      symlinkSync('gone/file.json', at('dangling.json'));
      expect(() => addEntry(at('dangling.json'), { path, value })).toThrow(
        /is a link to gone\/file.json, where nothing is/,
      );
      const odd = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
      writeFileSync(at('odd.json'), odd);
      expect(() => addEntry(at('odd.json'), { path, value })).toThrow(/it is not in UTF-8/);
      expect(readFileSync(at('odd.json'))).toEqual(odd);
      expect(readdirSync(folder).sort()).toEqual(['dangling.json', 'link.json', 'odd.json', 'real.json']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is not written where it is, and not over another one', () => {
    expect(add(JSON.stringify({ mcpServers: { rasen: value } }))).toBeNull();
    expect(() => add('{"mcpServers": {"rasen": {"command": "other"}}}')).toThrow(
      'mcp.json was not changed: it has another entry mcpServers.rasen.',
    );
  });

  it.each([
    ['{"a": ', /line 1 is no JSON/],
    ['{\n  "a": 1\n  "b": 2\n}', /line 3 is no JSON/],
    ['[]', /it is no object/],
    ['{"mcpServers": []}', /mcpServers is no object/],
    ['{"mcpServers": {"rasen": 1}} x', /is no JSON/],
    ['not json', /line 1 is no JSON/],
  ])('is refused in words where the file is %s', (text, words) => {
    expect(() => add(text)).toThrow(words);
  });
});
