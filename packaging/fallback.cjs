// Run by the launchers when the runtime package is not installed: uses the Node on PATH if it is new enough, and
// otherwise says what is missing. Must run on any Node.
var parts = process.versions.node.split('.').map(Number);
var ok =
  (parts[0] === 22 && (parts[1] > 22 || (parts[1] === 22 && parts[2] >= 2))) ||
  (parts[0] === 24 && parts[1] >= 15) ||
  parts[0] >= 26;
if (!ok) {
  process.stderr.write(
    'rasen: needs Node 24.15 or newer, and its own runtime package is not installed; found ' +
      process.version +
      '.\n' +
      'Install it with: npm install -g rasen --include=optional   (or put a newer node first on PATH)\n',
  );
  process.exit(69);
}
require(process.env.RASEN_ENTRY);
