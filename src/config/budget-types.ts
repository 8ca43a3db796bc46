/** Budgets as users write them: tokens as a number, or with k or M behind it; dollars as a number. */
import { found } from './node.ts';
import { nullable, number, type ValueType } from './types.ts';

const MAX_TOKENS = 1e15;
const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

const tokens: ValueType<number> = {
  wanted: 'a number of tokens such as 500000, 500k or 2M',
  schema: {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: MAX_TOKENS },
      { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?[kKmMgG]?$' },
    ],
  },
  read(node, report) {
    const value = node.kind === 'scalar' ? node.value : null;
    const written = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*([kmg]?)$/i.exec(value.trim()) : null;
    const count = written ? Number(written[1]) * FACTORS[written[2]!.toLowerCase()]! : value;
    if (typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= MAX_TOKENS)
      return count;
    report(node, `found ${found(node)}, wanted ${tokens.wanted}`);
    return undefined;
  },
};

export const TOKENS = nullable(tokens, 'no limit');
export const USD = nullable(number(0.0001, 1e9), 'no limit');
