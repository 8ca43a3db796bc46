#!/bin/sh
# Main process of an attempt's unit: `env -i sh unit.sh DIR ENVIRONMENT`. Takes the environment from a file, since what
# systemd-run is given can be seen by others, and becomes the runner. The file is gone before the command starts.
. "$2" || exit
rm -f "$2"
exec /bin/sh "${0%/*}/runner.sh" "$1" unit
