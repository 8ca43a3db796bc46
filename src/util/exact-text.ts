/**
 * Bytes of the system as text, without loss. Names of files, arguments and variables are bytes, and mostly UTF-8; a byte
 * that is no part of such a text becomes the lone surrogate U+DC80…U+DCFF (as Python's "surrogateescape" has it), which
 * JSON carries and no UTF-8 can stand for. Pure.
 */
import { isUtf8 } from 'node:buffer';

const LOWEST = 0xdc00;

export function textOfBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find(n => isUtf8(bytes.subarray(at, at + n)) && at + n <= bytes.length);
    text += length ? bytes.toString('utf8', at, at + length) : String.fromCharCode(LOWEST + bytes[at]!);
    at += length ?? 1;
  }
  return text;
}

export function bytesOfText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const bytes = Buffer.alloc(text.length * 3);
  let length = 0;
  let from = 0;
  // With "u" the second half of a pair is no character of its own.
  for (const { index } of text.matchAll(/[\udc80-\udcff]/gu)) {
    length += bytes.write(text.slice(from, index), length);
    length = bytes.writeUInt8(text.charCodeAt(index) - LOWEST, length);
    from = index + 1;
  }
  length += bytes.write(text.slice(from), length);
  return bytes.subarray(0, length);
}

/** For people: such bytes as `\xe9`. */
export function shownText(text: string): string {
  return text.replaceAll(/[\udc80-\udcff]/gu, char => `\\x${(char.charCodeAt(0) - LOWEST).toString(16)}`);
}
