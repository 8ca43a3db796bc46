/**
 * Durations and sizes as people write them: `90s`, `10m`, `1h30m`, `2d`; `512kb`, `10mb`, `2G`. Used by config and
 * plan files and by the command line. A bare number is in the base unit (seconds, bytes).
 */

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const BYTES: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Longest duration that is accepted: a year. */
export const MAX_SECONDS = 366 * 86_400;

const AMOUNT = String.raw`(\d+(?:\.\d+)?)`;
const DURATION = new RegExp(`^${['d', 'h', 'm', 's'].map(unit => `(?:${AMOUNT}${unit})?`).join('')}$`);

/** Seconds, or null when the text is not a duration. Units go from large to small, each at most once. */
export function parseDuration(text: string): number | null {
  const words = text.trim().toLowerCase();
  if (/^\d+(?:\.\d+)?$/.test(words)) return Number(words);
  const match = DURATION.exec(words.replaceAll(/\s+/g, ''));
  if (!match || words === '') return null;
  const total = ['d', 'h', 'm', 's'].reduce(
    (sum, unit, index) => sum + Number(match[index + 1] ?? 0) * SECONDS[unit]!,
    0,
  );
  return Number.isFinite(total) ? total : null;
}

/** Bytes (1 kb = 1k = 1 KiB = 1024), or null when the text is not a size. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(?:b|([kmgt])(?:i?b)?)?$/.exec(text.trim().toLowerCase());
  if (!match) return null;
  const bytes = Math.round(Number(match[1]) * BYTES[match[2] ?? '']!);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
