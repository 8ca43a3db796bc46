#!/bin/sh
# gate.sh NAME DELAY: a task that waits at the pipe /outside/gate, and ends so many seconds after it got a line of it.
say() { printf '%s %s %s %s %s\n' "$name" "$1" "$$" "$(cat /proc/sys/kernel/random/boot_id)" "$(date +%s%3N)" >>/outside/witness; }
name=$1
say start
read -r line </outside/gate
sleep "$2"
say end
