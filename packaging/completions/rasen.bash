# bash completion for rasen; made by: rasen completion bash
_rasen() {
  local cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} words= flags= name
  COMPREPLY=()
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      COMPREPLY=($(compgen -f -- "$cur"))
      return
    fi
  done
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W 'init run each ensure status report logs stop resume note answer merge list wait cancel events reinit plan import retry rollback trigger notify config pr web gateway token hook metrics mcp service doctor gc completion help --help --version' -- "$cur"))
    return
  fi
  case $first in
    plan) words='show edit import' ;;
    trigger) words='list show next log pause resume fire edit remove apply' ;;
    notify) words='test log' ;;
    config) words='check import schema' ;;
    token) words='create list rotate revoke' ;;
    hook) words='add list remove' ;;
    mcp) words='install' ;;
    service) words='install uninstall start stop restart status' ;;
    completion) words='bash zsh fish' ;;
    help) words='init run each ensure status report logs stop resume note answer merge list wait cancel events reinit plan import retry rollback trigger notify config pr web gateway token hook metrics mcp service doctor gc completion' ;;
  esac
  if [[ -n $words ]] && ((COMP_CWORD == 2)); then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  name=$first
  [[ -n $words && $first != completion && $first != help ]] && name="$first $second"
  case $name in
    'init') flags='-t --task --plan --repo --format --json' ;;
    'run') flags='--background --foreground -f --file -j --jobs --config --skip-review --skip-qa --wait --key --retry --name --after --group --priority --env --stdin --timeout --pty --exit-code --at --every --cron --watch --tz --ignore --outputs --debounce --overlap --catch-up --max-late --jitter --until --max-runs --pause-after --keep --notify --expect-within --format --json' ;;
    'each') flags='-j --jobs -a --arg-file -0 --null -k --keep-order --halt --retries --shell --dry-run --background --key --retry --name --after --group --priority --env --timeout --format --json' ;;
    'ensure') flags='--ready --port --timeout --restart --env --format --json' ;;
    'status') flags='--watch --format --json' ;;
    'report') flags='--since --format --json' ;;
    'logs') flags='-n --lines -f --follow --subtask --since --gates --raw --yes --format --json' ;;
    'stop') flags='--all --force --format --json' ;;
    'resume') flags='--background --env --skip-review --skip-qa --wait --format --json' ;;
    'note') flags='--format --json' ;;
    'answer') flags='--format --json' ;;
    'merge') flags='--into --squash --cancel --format --json' ;;
    'list') flags='--status --here -n --lines --format --json' ;;
    'wait') flags='--wait --format --json' ;;
    'cancel') flags='--force --format --json' ;;
    'events') flags='-f --follow --all --after --format --json' ;;
    'reinit') flags='-t --task --plan --keep-progress -f --force --format --json' ;;
    'plan show') flags='--format --json' ;;
    'plan edit') flags='--task --format --json' ;;
    'plan import') flags='--task --format --json' ;;
    'import') flags='--format --json' ;;
    'retry') flags='--task --format --json' ;;
    'rollback') flags='--task --format --json' ;;
    'trigger list') flags='--here --format --json' ;;
    'trigger show') flags='--format --json' ;;
    'trigger next') flags='-n --lines --format --json' ;;
    'trigger log') flags='-n --lines --format --json' ;;
    'trigger pause') flags='--format --json' ;;
    'trigger resume') flags='--format --json' ;;
    'trigger fire') flags='--format --json' ;;
    'trigger edit') flags='--name --at --every --cron --watch --tz --ignore --outputs --debounce --overlap --catch-up --max-late --jitter --until --max-runs --pause-after --keep --notify --expect-within --format --json' ;;
    'trigger remove') flags='--format --json' ;;
    'trigger apply') flags='--dry-run --format --json' ;;
    'notify test') flags='--format --json' ;;
    'notify log') flags='-n --lines --format --json' ;;
    'config check') flags='--format --json' ;;
    'config import') flags='--format --json' ;;
    'config schema') flags='--plan' ;;
    'pr') flags='--title --body --base --push --forge-api --format --json' ;;
    'web') flags='--qr --no-open --scope --tailscale --format --json' ;;
    'gateway') flags='--listen --unix --host --tls-cert --tls-key --behind-proxy --tailscale-login --forge-api --format --json' ;;
    'token create') flags='--scope --format --json' ;;
    'token list') flags='--format --json' ;;
    'token rotate') flags='--format --json' ;;
    'token revoke') flags='--format --json' ;;
    'hook add') flags='--kind --event --filter --format --json' ;;
    'hook list') flags='--format --json' ;;
    'hook remove') flags='--format --json' ;;
    'metrics') flags='' ;;
    'mcp') flags='' ;;
    'mcp install') flags='--print --format --json' ;;
    'service install') flags='--system --gateway --dry-run --format --json' ;;
    'service uninstall') flags='--system --gateway --format --json' ;;
    'service start') flags='--system --format --json' ;;
    'service stop') flags='--system --format --json' ;;
    'service restart') flags='--system --format --json' ;;
    'service status') flags='--system --format --json' ;;
    'doctor') flags='--format --json' ;;
    'gc') flags='--older-than --unmerged --damaged --dry-run --format --json' ;;
    'completion') flags='' ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags --help" -- "$cur"))
    return
  fi
  case ${COMP_WORDS[COMP_CWORD-1]} in
    --format) COMPREPLY=($(compgen -W 'json text' -- "$cur")); return ;;
    --task) COMPREPLY=($(compgen -W "$(rasen completion tasks 2>/dev/null | cut -f 1)" -- "$cur")); return ;;
    --config | --plan | --file | -f) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case $name in
    'status'|'logs'|'stop'|'resume'|'note'|'answer'|'merge'|'wait'|'cancel'|'events'|'plan show'|'pr')
      COMPREPLY=($(compgen -W "$(rasen completion tasks 2>/dev/null | cut -f 1)" -- "$cur")) ;;
    'trigger show'|'trigger next'|'trigger log'|'trigger pause'|'trigger resume'|'trigger fire'|'trigger edit'|'trigger remove')
      COMPREPLY=($(compgen -W "$(rasen completion triggers 2>/dev/null | cut -f 1)" -- "$cur")) ;;
    'mcp install') COMPREPLY=($(compgen -W 'claude codex gemini opencode cursor vscode' -- "$cur")) ;;
    *) COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -o filenames -F _rasen rasen
