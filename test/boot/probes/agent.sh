#!/bin/sh
# A coding agent that adds one line with its subtask's name to a file and commits it; a witness of each session outside.
cat >/dev/null
say() { printf '%s/%s %s %s %s %s\n' "${RASEN_PROJECT##*/}" "$RASEN_SUBTASK" "$1" "$$" "$(cat /proc/sys/kernel/random/boot_id)" "$(date +%s%3N)" >>/outside/witness; }
say start
echo "$RASEN_SUBTASK" >>lines.txt
echo "$RASEN_SUBTASK" >"$RASEN_SUBTASK.txt"
git add -A
git commit -q -m "feat: $RASEN_SUBTASK"
printf '{"status":"done","summary":"added %s"}' "$RASEN_SUBTASK" >"$RASEN_RESULT_FILE"
say end
