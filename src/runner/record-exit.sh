#!/bin/sh
# ExecStopPost of an attempt's unit: `sh record-exit.sh DIR UNIT BELL`. systemd runs it when the control group is empty,
# whoever was or was not watching, also after a SIGKILL of the runner. Writes `exit`: what the runner said of the end
# (`ended`), with what only systemd knows; then rings for the supervisor. Should it not be able to, `ended` is the record.
umask 077
set -C
dir=$1 unit=$2 bell=$3
# Only for the runner of this unit: another one may have been first, or the supervisor's fence.
[ -f "$dir/claim" ] && read -r claim nonce 2>/dev/null <"$dir/claim"
[ "$claim" = unit ] || exit 0

cgroup=
while read -r line; do case $line in 0::*) cgroup=${line#0::} ;; esac; done </proc/self/cgroup
for root in /sys/fs/cgroup /sys/fs/cgroup/unified; do [ -d "$root$cgroup" ] && cgroup=$root$cgroup && break; done
field() { # NAME FILE: the number behind NAME; null where there is none
  while read -r name value; do [ "$name" = "$1" ] && echo "$value" && return; done 2>/dev/null <"$cgroup/$2"
  echo null
}
peak=null
read -r peak 2>/dev/null <"$cgroup/memory.peak"

# A stop job: shutdown, `systemctl stop` of the unit or of the slice. Told from an end by itself that happened meanwhile
# by the runner, which was signalled too.
job=$(systemctl --user show --property=Job --value "$unit" 2>/dev/null)
case $job in '' | 0) stopped=false ;; *) stopped=true ;; esac
ended=
[ -f "$dir/ended" ] && read -r ended 2>/dev/null <"$dir/ended"
case $ended in
  '{'*'}') ;;
  *)
    read -r boot </proc/sys/kernel/random/boot_id
    read -r up rest </proc/uptime
    ended="{\"v\":1,\"nonce\":\"$nonce\",\"boot\":\"$boot\",\"result\":\"killed\",\"code\":null,\"signal\":null,\"up\":\"$up\",\"term\":true}"
    ;;
esac
write() {
  # Not ours: planted, or torn when it was tried before.
  if [ -e "$dir/exit" ] || [ -L "$dir/exit" ]; then rm -rf "$dir/exit"; fi
  printf '%s,"by":"unit","service_result":"%s","stopped":%s,"cpu_usec":%s,"memory_peak_bytes":%s,"oom_kills":%s}\n' \
    "${ended%?}" "$SERVICE_RESULT" "$stopped" "$(field usage_usec cpu.stat)" "${peak:-null}" \
    "$(field oom_kill memory.events)" >"$dir/exit"
}
# The disk is full. The manager gives us up in the end (TimeoutStopSec=), which is as well.
until write; do sleep 1; done
sync "$dir/exit" "$dir" || sync
printf '' >|"$bell"
