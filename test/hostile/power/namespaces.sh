#!/bin/sh
# `unshare --mount --pid --fork --kill-child --mount-proc sh namespaces.sh LIVE DISK -- COMMAND…`: a machine that was
# just switched on, as far as rasen can see: no process of before, another boot id, LIVE empty and in memory, and the
# disk (an image, or the file of recorder.c) at LIVE/d. Nothing of it is left when COMMAND has ended.
set -e
live=$1 disk=$2
shift 3
mount --make-rprivate /
mount -t tmpfs live "$live"
mkdir "$live/d"
cat /proc/sys/kernel/random/uuid >"$live/boot"
mount --bind "$live/boot" /proc/sys/kernel/random/boot_id
# xfs refuses a second image of the same disk otherwise.
mount -o loop,nouuid "$disk" "$live/d" 2>/dev/null || mount -o loop "$disk" "$live/d"
ret=0
"$@" || ret=$?
for pid in $(ls /proc | grep -E '^[0-9]+$'); do [ "$pid" = 1 ] || [ "$pid" = $$ ] || kill -9 "$pid" 2>/dev/null || :; done
tries=0
until umount "$live/d" || [ $tries = 50 ]; do tries=$((tries + 1)); sleep 0.1; done 2>/dev/null
exit $ret
