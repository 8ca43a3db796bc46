#!/bin/sh
# npm-upgrade.sh TARBALL REGISTRY TASKS: `npm install -g` of the tarball, by the npm of this computer and without a network.
# In the moment in which npm has put the installed folder aside, the gate opens for the tasks.
set -e
exec 9<>/outside/gate
/opt/npm/node /opt/npm/npm/bin/npm-cli.js install --global --prefix=/usr/local --offline --cache=/opt/npm-cache \
  --registry="$2" --no-audit --no-fund "$1" >/outside/npm.log 2>&1 &
npm=$!
until [ -n "$(find /usr/local/lib/node_modules -maxdepth 1 -name '.rasen-*')" ]; do
  kill -0 "$npm" 2>/dev/null || { cat /outside/npm.log; echo 'npm put nothing aside' >&2; exit 1; }
done
head -c "$3" /dev/zero | tr '\0' '\n' >&9
wait "$npm"
