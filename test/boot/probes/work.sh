#!/bin/sh
# work.sh NAME: a task that works until it is told to end. It is told by /outside/end-NAME, which holds its exit status;
# each start, SIGTERM and end is a line of /outside/witness, which survives every power cut.
name=$1
say() { printf '%s %s %s %s %s\n' "$name" "$1" "$$" "$(cat /proc/sys/kernel/random/boot_id)" "$(date +%s%3N)" >>/outside/witness; }
trap 'say term; exit 143' TERM
say start
until [ -s "/outside/end-$name" ]; do
  echo working
  sleep 0.05
done
say end
exit "$(cat "/outside/end-$name")"
