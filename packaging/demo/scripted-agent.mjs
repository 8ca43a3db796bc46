// The scripted agent of the demonstration: not a model, but a program that "writes" prepared code for each subtask, the
// way a coding agent would be driven: prompt on standard input, work in the current folder, result in a file. It gets
// the discount wrong the first time, and says that it is done all the same.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const { RASEN_SUBTASK, RASEN_ATTEMPT_NUMBER, RASEN_RESULT_FILE } = process.env;
const prompt = readFileSync(0, 'utf8');
const say = text => process.stdout.write(`scripted agent: ${text}\n`);
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

const code = {
  'parse-price': `
/** "12.50" → 1250 (cents). */
export function parsePrice(text) {
  const found = /^(\\d+)(?:\\.(\\d{1,2}))?$/.exec(text.trim());
  if (!found) throw new Error(\`not a price: \${text}\`);
  return Number(found[1]) * 100 + Number((found[2] ?? '0').padEnd(2, '0'));
}
`,
  'cart-total': `
/** Sum of a cart in cents. */
export function total(cart) {
  return cart.reduce((sum, item) => sum + parsePrice(item.price) * item.count, 0);
}
`,
  'discount-wrong': `
/** Takes a percentage off, in cents. */
export function discount(cents, percent) {
  return cents - percent;
}
`,
  discount: `
/** Takes a percentage off, rounded to whole cents. */
export function discount(cents, percent) {
  return Math.round((cents * (100 - percent)) / 100);
}
`,
  receipt: `
/** One line an item, and the sum. */
export function receipt(cart) {
  const lines = cart.map(item => \`\${item.count} x \${item.name}\`);
  return [...lines, \`total \${(total(cart) / 100).toFixed(2)}\`].join('\\n');
}
`,
};

say(`subtask ${RASEN_SUBTASK}, attempt ${RASEN_ATTEMPT_NUMBER}; the prompt has ${prompt.length} characters`);
// The supervisor is killed during cart-total, which has to last until that has been seen on a slow machine, too.
await pause(RASEN_SUBTASK === 'cart-total' ? 4000 : 1200);
const wrong = RASEN_SUBTASK === 'discount' && RASEN_ATTEMPT_NUMBER === '1';
const before = readFileSync('src/shop.js', 'utf8');
const source =
  RASEN_SUBTASK === 'discount' ? before.replace(/\n\/\*\* Takes a percentage off[\s\S]*?\n}\n/, '') : before;
writeFileSync('src/shop.js', source + code[wrong ? 'discount-wrong' : RASEN_SUBTASK]);
say(wrong ? 'wrote discount() (with a mistake)' : `wrote the code of ${RASEN_SUBTASK}`);
await pause(800);
execFileSync('git', ['add', '-A']);
execFileSync('git', ['commit', '-q', '-m', `shop: ${RASEN_SUBTASK}`]);
writeFileSync(
  RASEN_RESULT_FILE,
  JSON.stringify({
    status: 'done',
    summary: `implemented ${RASEN_SUBTASK}`,
    memory: { learnings: ['prices are integers, in cents'] },
  }),
);
say('done, all tests pass (so it says)');
