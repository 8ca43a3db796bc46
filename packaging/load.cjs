'use strict';
// Starts the bundle of this name with what V8 made of it at build (packaging/code-cache.cjs): without, parsing is half of
// what a command takes to start. The name of the cache holds the digest of the bundle, since V8 compares nothing but its
// length; another version of V8, and other flags, are refused by V8 itself, and then the bundle is compiled as ever.
const { readFileSync } = require('node:fs');
const vm = require('node:vm');
const bundle = __filename.replace(/cjs$/, 'js');
const FRAME = ['(function (exports, require, module, __filename, __dirname) {', '\n})'];

/** V8 takes what it is given unseen. A power cut soon after an installation leaves whole sectors empty: each has its say. */
function whole(data) {
  const end = data.length - 8;
  let sum = end;
  for (let at = 0; at < end; at += 512) sum = (sum + data.readUInt32LE(Math.min(at, end - 4))) >>> 0;
  return end > 0 && data.readUInt32LE(end) === end && data.readUInt32LE(end + 4) === sum
    ? data.subarray(0, end)
    : undefined;
}

function cached(name) {
  try {
    return whole(readFileSync(`${__dirname}/${name}-${process.platform}-${process.arch}.code`));
  } catch {
    return undefined;
  }
}

// All of it is ASCII, which V8 takes as it is.
const text = readFileSync(bundle, 'latin1');
const script = new vm.Script(FRAME.join(text), {
  filename: bundle,
  cachedData: cached('__NAME__'),
});
script.runInThisContext().call(exports, exports, require, module, __filename, __dirname);
// code-cache.cjs takes it from here, when what is used at a start has been compiled as well.
if (globalThis.__rasen_scripts) globalThis.__rasen_scripts.push({ bundle, script });
