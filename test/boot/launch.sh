#!/bin/sh
# launch.sh FOLDER LOWERS CGROUP COMMAND...: mounts a machine's disk and root, joins its cgroup, becomes COMMAND. Started by
# machine.ts in a mount namespace of its own: the mounts end with the last process of the machine, so nothing has to be
# unmounted, and no other process's namespace can copy them and keep a shut-down disk busy.
set -e
folder=$1 lowers=$2 cgroup=$3
shift 3
[ -z "$cgroup" ] || echo $$ >"$cgroup/cgroup.procs"
mount -o loop,noatime "$folder/disk.img" "$folder/disk"
mkdir -p "$folder/disk/upper" "$folder/disk/work" "$folder/disk/home"
mount -t overlay machine -o "lowerdir=$lowers,upperdir=$folder/disk/upper,workdir=$folder/disk/work" "$folder/root"
exec "$@"
