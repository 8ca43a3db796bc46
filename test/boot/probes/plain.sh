#!/bin/sh
# A plain task of a moment; its witness outside by the task's id.
printf '%s %s %s %s %s\n' "$RASEN_TASK" start "$$" "$(cat /proc/sys/kernel/random/boot_id)" "$(date +%s%3N)" >>/outside/witness
sleep 0.2
