#!/bin/sh
# The runner of one attempt: `sh runner.sh DIR [unit]`. Claims the attempt, runs its command and records how it ended; it
# never decides anything. Its protocol is the files in DIR (architecture 3). Kept to what dash, bash and macOS' sh share, and
# to builtins: every program started here costs as much as the command itself may. All names start with rasen_, because
# an assignment to a variable that came from the environment would reach the command.
rasen_term=false
trap : HUP INT QUIT # a signal to the group ends the command; the runner lives to record (traps are reset on exec)
trap 'rasen_term=true' TERM
umask 077
rasen_dir=$1 rasen_cage=${2:-group} rasen_parent=$RASEN_RUNNER_PARENT
[ -r /proc/self/limits ] && [ -n "$RASEN_RUNNER_MARK" ] && ulimit -m "$RASEN_RUNNER_MARK" 2>/dev/null # host/mark.ts
unset RASEN_RUNNER_PARENT RASEN_RUNNER_MARK

# O_EXCL: exactly one of many runners, or the supervisor's mkdir, gets the name.
set -C
printf '%s\n' "$rasen_cage" >"$rasen_dir/claim" || exit 0
set +C

if read -r rasen_boot </proc/sys/kernel/random/boot_id; then
  read -r rasen_stat </proc/$$/stat
  set -- ${rasen_stat##*') '}
  rasen_start=${20}
else
  rasen_boot=$(sysctl -n kern.bootsessionuuid)
  set -- $(TZ=UTC0 LC_ALL=C ps -o lstart= -p $$)
  rasen_start="$*"
fi
rasen_cgroup=
if [ "$rasen_cage" = unit ]; then
  while IFS= read -r rasen_stat; do case $rasen_stat in 0::*[\"\\]*) ;; 0::*) rasen_cgroup=${rasen_stat#0::} ;; esac; done </proc/self/cgroup
fi
# Who cannot say who it is would be taken for dead, and its command ended: nothing is started before.
until printf '{"v":1,"boot":"%s","pid":%d,"start":"%s","cgroup":"%s"}\n' "$rasen_boot" $$ "$rasen_start" "$rasen_cgroup" >"$rasen_dir/runner"; do
  sleep 1
done

. "$rasen_dir/command" # sets rasen_cwd, rasen_umask, rasen_stdin and the arguments
rasen_in=/dev/null rasen_result=exited rasen_code=0 rasen_signal=null
case $rasen_stdin in
  prompt) rasen_in=$rasen_dir/prompt.md ;;
  fifo)
    rasen_in=$rasen_dir/stdin
    [ -p "$rasen_in" ] || mkfifo "$rasen_in"
    exec 3<>"$rasen_in" # held open, so that the command never sees an end between two notes
    ;;
esac
cd "$rasen_cwd" || rasen_result=no_cwd
unset OLDPWD
# Opened here and not for the command: that they cannot be is not its failure. `command`, so that the shell lives on.
command exec 4>>"$rasen_dir/output" && command exec 5<"$rasen_in" || rasen_result=no_files
case $1 in
  */*) if [ ! -f "$1" ]; then rasen_code=127; elif [ ! -x "$1" ]; then rasen_code=126; fi ;;
  *) command -v "$1" >/dev/null || rasen_code=127 ;;
esac
case $rasen_result$rasen_code in
  exited0)
    # In the foreground: a child of `&` would ignore SIGINT. exec: a builtin of the same name must not answer.
    (umask "$rasen_umask" && exec "$@") <&5 >&4 2>&1 3<&- 4>&- 5<&-
    rasen_code=$?
    if [ $rasen_code -gt 128 ] && [ $rasen_code -le 192 ]; then rasen_signal=$((rasen_code - 128)); fi
    ;;
  exited*) rasen_result=not_found ;;
  *) rasen_code=null ;;
esac

# Written in place by a builtin: no helper that a kill of the group could hit. Readers take a torn file for none.
# In a unit it is not the last word: record-exit.sh makes `exit` of it when nothing is left.
rasen_up= rasen_try=0 rasen_record=$rasen_dir/exit
[ "$rasen_cage" = unit ] && rasen_record=$rasen_dir/ended
read -r rasen_up rasen_stat </proc/uptime
until printf '{"v":1,"boot":"%s","result":"%s","code":%s,"signal":%s,"up":"%s","term":%s}\n' \
  "$rasen_boot" "$rasen_result" "$rasen_code" "$rasen_signal" "$rasen_up" "$rasen_term" >"$rasen_record"; do
  rasen_try=$((rasen_try + 1))
  [ $rasen_try -lt 60 ] || exit 1
  sleep 1 # the disk is full; the supervisor sees a living runner meanwhile
done

[ "$rasen_cage" = unit ] && exit 0
# A supervisor that still is our parent syncs `exit` itself when we end; alone, we must.
read -r rasen_stat </proc/$$/stat && set -- ${rasen_stat##*') '} && [ "$2" = "$rasen_parent" ] && exit 0
sync "$rasen_dir/exit" "$rasen_dir" || sync
