#!/bin/sh
# The runner of one attempt: `sh -c TEXT runner.sh DIR`, and on standard input a number of lines, then so many with one command
#   set -- DIR CAGE NONCE PARENT KEY CWD ROOT UMASK STDIN LIMITS PROGRAM [ARGUMENT]...
# which a unit's shell has done already. (`all` for the number: up to the end, and its last line says that it is whole.) Claims the attempt, runs its command and records how it ended; it never decides
# anything. Its protocol is the files in DIR (architecture 3). What it is told stands in none of them: programs of the same
# user could change one between its writing and its reading. Kept to what dash, bash and macOS' sh share, and to builtins:
# every program started here costs as much as the command itself may. All names start with rasen_, because an
# assignment to a variable that came from the environment would reach the command.
rasen_term=false
trap : HUP INT QUIT # a signal to the group ends the command; the runner lives to record (traps are reset on exec)
trap 'rasen_term=true' TERM
umask 077
[ -r /proc/self/limits ] && [ -n "$RASEN_RUNNER_MARK" ] && ulimit -m "$RASEN_RUNNER_MARK" 2>/dev/null # host/mark.ts
unset RASEN_RUNNER_MARK
unset rasen_key rasen_words rasen_whole # were they in the environment, the command would be given ours
if [ $# -lt 2 ]; then
  read -r rasen_count || exit 0 # whoever was to tell has died
  if [ "$rasen_count" = all ]; then
    rasen_words=$(command -p cat) # a builtin reads byte by byte
    rasen_count=0
    case $rasen_words in *"
rasen_whole=yes") ;; *) exit 0 ;; esac
  fi
  while [ $rasen_count -gt 0 ]; do
    IFS= read -r rasen_line || exit 0
    rasen_words="$rasen_words$rasen_line
" rasen_count=$((rasen_count - 1))
  done
  eval "$rasen_words"
fi
rasen_dir=$1 rasen_cage=$2 rasen_nonce=$3 rasen_parent=$4 rasen_key=$5 rasen_cwd=$6 rasen_root=$7 rasen_umask=$8 rasen_stdin=$9 rasen_limits=${10}
shift 10
exec </dev/null

# O_EXCL, for every file that is made here: exactly one of many runners, or the supervisor's mkdir, gets the name, and
# what somebody else has left under it is never written to.
set -C
command exec 6>"$rasen_dir/claim" || exit 0
# Whose name it is has been decided: a disk that is full does not undo that.
until printf '%s %s\n' "$rasen_cage" "$rasen_nonce" >&6; do sleep 1; done
exec 6>&-

if read -r rasen_boot </proc/sys/kernel/random/boot_id; then
  read -r rasen_stat </proc/$$/stat
  rasen_started() { rasen_start=${20}; }
  rasen_started ${rasen_stat##*') '}
else
  rasen_boot=$(sysctl -n kern.bootsessionuuid)
  rasen_started() { rasen_start="$*"; }
  rasen_started $(TZ=UTC0 LC_ALL=C ps -o lstart= -p $$)
fi
rasen_cgroup=
if [ "$rasen_cage" = unit ]; then
  while IFS= read -r rasen_stat; do case $rasen_stat in 0::*[\"\\]*) ;; 0::*) rasen_cgroup=${rasen_stat#0::} ;; esac; done </proc/self/cgroup
fi
# Who cannot say who it is would be taken for dead, and its command ended: nothing is started before.
until printf '{"v":1,"nonce":"%s","boot":"%s","pid":%d,"start":"%s","cgroup":"%s"}\n' \
  "$rasen_nonce" "$rasen_boot" $$ "$rasen_start" "$rasen_cgroup" >"$rasen_dir/runner"; do
  sleep 1
  rm -rf "$rasen_dir/runner" # planted, or torn when it was tried before
done

rasen_in=/dev/null rasen_result=exited rasen_code=0 rasen_signal=null
case $rasen_stdin in
  prompt) rasen_in=$rasen_dir/prompt.md ;;
  /*) rasen_in=$rasen_stdin ;;
  fifo)
    rasen_in=$rasen_dir/stdin
    [ -p "$rasen_in" ] || mkfifo "$rasen_in"
    exec 3<>"$rasen_in" # held open, so that the command never sees an end between two notes
    ;;
esac
if [ -z "$rasen_root" ]; then
  cd "$rasen_cwd" || rasen_result=no_cwd
elif cd -P "$rasen_cwd"; then
  # Looked at where we are, and not by name: a link may have come into its place a moment ago.
  case $PWD/ in "${rasen_root%/}"/*) ;; *) rasen_result=outside ;; esac
else
  rasen_result=no_cwd
fi
unset OLDPWD
# Opened here and not for the command: that they cannot be is not its failure. `command`, so that the shell lives on.
printf '' >"$rasen_dir/output" && command exec 4>>"$rasen_dir/output" && command exec 5<"$rasen_in" || rasen_result=no_files
case $1 in
  */*) if [ ! -f "$1" ]; then rasen_code=127; elif [ ! -x "$1" ]; then rasen_code=126; fi ;;
  *) command -v "$1" >/dev/null || rasen_code=127 ;;
esac
# OPTION:SOFT:HARD each, for the command alone: what is too little for it may be too little for us. Soft first: a hard limit
# below it would be refused. One that we may not have so high becomes our own.
rasen_limit() {
  for rasen_word in $rasen_limits; do
    rasen_option=${rasen_word%%:*} rasen_hard=${rasen_word##*:} rasen_word=${rasen_word#*:}
    rasen_set S "${rasen_word%:*}" || rasen_set S "$(rasen_set H)"
    rasen_set H "$rasen_hard"
  done 2>/dev/null
}
rasen_set() {
  # What others call u is p to dash.
  command ulimit -$1 -$rasen_option $2 || { [ $rasen_option = u ] && command ulimit -$1 -p $2; }
}
case $rasen_result$rasen_code in
  exited0)
    # In the foreground: a child of `&` would ignore SIGINT. exec: a builtin of the same name must not answer.
    (umask "$rasen_umask" && { rasen_limit; exec "$@"; }) <&5 >&4 2>&1 3<&- 4>&- 5<&-
    rasen_code=$?
    if [ $rasen_code -gt 128 ] && [ $rasen_code -le 192 ]; then rasen_signal=$((rasen_code - 128)); fi
    ;;
  exited*) rasen_result=not_found ;;
  *) rasen_code=null ;;
esac

# Signed: the words of the digits of the code to the base of four, and that of the result.
rasen_up= rasen_proof= rasen_number=${rasen_code%null}
read -r rasen_up rasen_stat </proc/uptime
rasen_number=${rasen_number:-0}
case $rasen_result in
  exited) rasen_place=16 ;; not_found) rasen_place=17 ;; no_cwd) rasen_place=18 ;; no_files) rasen_place=19 ;; *) rasen_place=20 ;;
esac
for rasen_place in $((rasen_number / 64)) $((4 + rasen_number / 16 % 4)) $((8 + rasen_number / 4 % 4)) $((12 + rasen_number % 4)) $rasen_place; do
  set -- $rasen_key
  rasen_hashes=${22}
  shift $rasen_place
  rasen_proof=$rasen_proof$1
done

# Written in place by a builtin: no helper that a kill of the group could hit. Readers take a torn file for none.
# In a unit it is not the last word: record-exit.sh makes `exit` of it when nothing is left.
rasen_record=$rasen_dir/exit
[ "$rasen_cage" = unit ] && rasen_record=$rasen_dir/ended
rasen_write() {
  # Not ours: planted, or torn when it was tried before.
  if [ -e "$rasen_record" ] || [ -L "$rasen_record" ]; then rm -rf "$rasen_record"; fi
  printf '{"v":1,"nonce":"%s","boot":"%s","result":"%s","code":%s,"signal":%s,"up":"%s","term":%s,"key":"%s","proof":"%s"}\n' \
    "$rasen_nonce" "$rasen_boot" "$rasen_result" "$rasen_code" "$rasen_signal" "$rasen_up" "$rasen_term" \
    "$rasen_hashes" "$rasen_proof" >"$rasen_record"
}
# The disk is full, or refuses: stopped, we are the record until it can be written. The supervisor sees that, and lets us try
# again from time to time.
until rasen_write; do kill -STOP $$; done

if [ "$rasen_cage" = unit ]; then
  # The manager keeps it too, where no file can change it.
  exit ${rasen_code%null}
fi
# A supervisor that still is our parent syncs `exit` itself when we end; alone, we must.
read -r rasen_stat </proc/$$/stat && set -- ${rasen_stat##*') '} && [ "$2" = "$rasen_parent" ] && exit 0
sync "$rasen_dir/exit" "$rasen_dir" || sync
