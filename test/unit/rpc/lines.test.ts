/** Framing: lines out of any cut of the stream, limits to the byte, strict UTF-8. */
import { describe, expect, it } from 'vitest';
import { encodeLine, type Line, LineDecoder } from '../../../src/rpc/lines.ts';

function all(decoder: LineDecoder): Line[] {
  const lines: Line[] = [];
  for (let line = decoder.next(); line; line = decoder.next()) {
    lines.push(line);
    if ('problem' in line && line.problem === 'too_large') break;
  }
  return lines;
}

const texts = (lines: Line[]) => lines.map(line => ('text' in line ? line.text : line.problem));

describe('LineDecoder', () => {
  it('gives the same lines however the bytes are cut', () => {
    const bytes = Buffer.from('{"a":"ü\u2028😀"}\r\n\n  \n[1]\n{"b":2}\nrest');
    for (let size = 1; size <= bytes.length; size++) {
      const decoder = new LineDecoder(100);
      const lines: Line[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        decoder.push(bytes.subarray(at, at + size));
        lines.push(...all(decoder));
      }
      expect(texts(lines)).toEqual(['{"a":"ü\u2028😀"}', '[1]', '{"b":2}']);
      expect(decoder.partial).toBe(true);
      expect(decoder.lines).toBe(3);
    }
  });

  it('keeps what was not taken when more arrives', () => {
    const decoder = new LineDecoder(100);
    decoder.push(Buffer.from('1\n2\n3'));
    expect(texts([decoder.next()!])).toEqual(['1']);
    decoder.push(Buffer.from('4\n5\n'));
    expect(texts(all(decoder))).toEqual(['2', '34', '5']);
    expect(decoder.partial).toBe(false);
  });

  it('takes a line of exactly the limit, with LF and with CR LF, and none that is longer', () => {
    for (const end of ['\n', '\r\n'])
      for (const size of [1, 3, 100]) {
        const feed = (length: number) => {
          const decoder = new LineDecoder(10);
          const bytes = Buffer.from('x'.repeat(length) + end);
          const lines: Line[] = [];
          for (let at = 0; at < bytes.length; at += size) {
            decoder.push(bytes.subarray(at, at + size));
            lines.push(...all(decoder));
            if (texts(lines).includes('too_large')) break;
          }
          return texts(lines);
        };
        expect(feed(10)).toEqual(['x'.repeat(10)]);
        expect(feed(11)).toEqual(['too_large']);
      }
  });

  it('notices a line that is too long before its end', () => {
    const decoder = new LineDecoder(10);
    decoder.push(Buffer.from('x'.repeat(12)));
    expect(texts(all(decoder))).toEqual(['too_large']);
  });

  it('refuses bytes that are not UTF-8 instead of replacing them, and goes on', () => {
    for (const bad of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98]]) {
      const decoder = new LineDecoder(100);
      decoder.push(Buffer.concat([Buffer.from('"'), Buffer.from(bad), Buffer.from('"\n1\n')]));
      expect(texts(all(decoder))).toEqual(['not_utf8', '1']);
    }
  });

  it('scans and copies each byte a bounded number of times', () => {
    const decoder = new LineDecoder(1 << 20);
    const chunk = Buffer.alloc(16, 0x78);
    const start = process.cpuUsage();
    for (let n = 0; n < (1 << 20) / 16; n++) {
      decoder.push(chunk);
      expect(decoder.next() === undefined).toBe(true);
    }
    decoder.push(Buffer.from('\n'));
    const line = decoder.next()!;
    expect('text' in line && line.text.length).toBe(1 << 20);
    // 65,536 pieces; rescanning from the start at each would be 34 GB.
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
  });
});

describe('encodeLine', () => {
  it('makes one line of any value', () => {
    const line = encodeLine({ text: 'a\nb\r\u2028\u2029', lone: '\ud800' });
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({ text: 'a\nb\r\u2028\u2029', lone: '\ud800' });
  });
});
