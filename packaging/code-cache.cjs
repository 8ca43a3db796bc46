'use strict';
// Makes the code caches that packaging/load.cjs reads. node code-cache.cjs MAIN.cjs [ARGUMENT]...: runs the program, and
// writes at its end what V8 made of each bundle that it loaded. To be run by the runtime that will read them.
const { createHash } = require('node:crypto');
const { readFileSync, renameSync, writeFileSync } = require('node:fs');

const scripts = [];
globalThis.__rasen_scripts = scripts;

/** Length, and the sum that load.cjs compares. */
function trailer(data) {
  let sum = data.length;
  for (let at = 0; at < data.length; at += 512)
    sum = (sum + data.readUInt32LE(Math.min(at, data.length - 4))) >>> 0;
  const end = Buffer.alloc(8);
  end.writeUInt32LE(data.length, 0);
  end.writeUInt32LE(sum, 4);
  return end;
}

process.on('exit', () => {
  for (const { bundle, script } of scripts) {
    const digest = createHash('sha256').update(readFileSync(bundle)).digest('hex').slice(0, 12);
    const path = bundle.replace(/\.js$/, `-${digest}-${process.platform}-${process.arch}.code`);
    const data = script.createCachedData();
    writeFileSync(`${path}.new`, Buffer.concat([data, trailer(data)]));
    renameSync(`${path}.new`, path);
  }
});

const [main, ...args] = process.argv.slice(2);
process.argv = [process.argv[0], main, ...args];
require(main);
