#!/bin/sh
# Main process of an attempt's unit: `env -i sh unit.sh DIR ENVIRONMENT`. Takes the environment from a file, since what
# systemd-run is given can be seen by others, and becomes the runner. The file is removed before it is read: what is in it
# may change PATH, or be more than a program can be started with.
exec 3<"$2" || exit
rm -f "$2"
. /dev/fd/3
exec 3<&-
exec /bin/sh "${0%/*}/runner.sh" "$1" unit
