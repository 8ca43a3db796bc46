// npm run demo:record: runs the demonstration and draws it as an animated picture, demo.svg. What is in the picture was
// printed by the run; only the waits are shortened, and names of temporary folders left out.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROWS = 26;
const COLUMNS = 100;
const ROW_PX = 19;
const CHAR_PX = 8.43;
/** No wait in the picture is longer, in seconds; the last frame stands for longer, then it begins again. */
const WAIT_S_MAX = 0.9;
const WAIT_S_MIN = 0.2;
const END_S = 6;

const here = dirname(fileURLToPath(import.meta.url));
const escaped = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Lines of the demonstration with the second at which each is shown. */
async function record() {
  const child = spawn(process.execPath, [join(here, 'demo.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = [];
  let shown = 0;
  let last = Date.now();
  for await (const line of createInterface({ input: child.stdout })) {
    const wait = (Date.now() - last) / 1000;
    last = Date.now();
    shown += Math.min(WAIT_S_MAX, Math.max(WAIT_S_MIN, wait));
    lines.push({ text: line.replaceAll(tmpdir(), '/tmp').slice(0, COLUMNS), at: shown });
  }
  if (lines.length === 0) throw new Error('the demonstration printed nothing');
  return lines;
}

function colour(text) {
  if (text.startsWith('──')) return 'title';
  if (text.startsWith('$ ')) return 'typed';
  if (/\b(refused|failed|dead|ERROR|WARNING)\b/.test(text)) return 'bad';
  if (/\b(passed|completed|Merged|ALIVE|Done)\b/.test(text)) return 'good';
  return 'plain';
}

/** One text element per line, shown at its time; the whole moves up by a row whenever the screen is full. */
function draw(lines) {
  const total = lines.at(-1).at + END_S;
  const percent = at => `${((100 * at) / total).toFixed(2)}%`;
  const width = Math.ceil(COLUMNS * CHAR_PX) + 32;
  const height = ROWS * ROW_PX + 32;
  const scroll = lines
    .map(({ at }, i) => [at, Math.max(0, i + 1 - ROWS)])
    .filter(([, rows], i, all) => i === 0 || rows !== all[i - 1][1])
    .map(([at, rows]) => `${percent(at)}{transform:translateY(${-rows * ROW_PX}px)}`)
    .join('');
  const texts = lines.map(
    ({ text, at }, i) =>
      `<text class="${colour(text)}" x="16" y="${(i + 1) * ROW_PX + 10}" style="--at:${at.toFixed(2)}s">${escaped(text)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>rasen: a task survives kill -9 of its supervisor, a gate refuses a wrong change, the result is merged</title>
<style>
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#c9d1d9;opacity:0;animation:show .01s var(--at) forwards}
.title{fill:#79c0ff;font-weight:bold}.typed{fill:#fff;font-weight:bold}.good{fill:#7ee787}.bad{fill:#ff7b72}
@keyframes show{to{opacity:1}}
@keyframes scroll{0%{transform:none}${scroll}100%{transform:translateY(${-Math.max(0, lines.length - ROWS) * ROW_PX}px)}}
g{animation:scroll ${total.toFixed(2)}s step-end forwards}
@media (prefers-reduced-motion:reduce){text{animation-delay:0s}g{animation-duration:.01s}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<svg x="0" y="8" width="${width}" height="${height - 16}"><g>
${texts.join('\n')}
</g></svg>
</svg>
`;
}

const lines = await record();
writeFileSync(join(here, 'demo.svg'), draw(lines));
console.log(`packaging/demo/demo.svg: ${lines.length} lines, ${lines.at(-1).at.toFixed(0)} s`);
