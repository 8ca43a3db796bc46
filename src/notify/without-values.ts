/** What a program says, without the values of the secrets that it was handed: it may repeat one, as `sh -x` does. Pure. */
import { HIDDEN } from '../views/plain-text.ts';

export function withoutValues(text: string, secrets: readonly string[]): string {
  const values = secrets.flatMap(value => [value, value.trim(), ...value.split('\n').filter(isTelling)]);
  // A value can be a part of another.
  const longest = [...new Set(values)].filter(value => value !== '').sort((a, b) => b.length - a.length);
  return longest.reduce((clean, value) => clean.replaceAll(value, HIDDEN), text);
}

/** A line of a value of several lines that is no brace or the like. */
const isTelling = (line: string) => line.trim().length >= 6;
