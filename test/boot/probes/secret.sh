#!/bin/sh
# secret.sh NAME: as work.sh; says outside first what it was given.
printf '%s %s\n' "$TOKEN" "$DEPLOY" >>"/outside/given-$1"
exec /opt/probes/work.sh "$1"
