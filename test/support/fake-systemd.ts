/**
 * systemctl, loginctl and what else an installation runs, as one script on PATH: it records every call, keeps as much
 * state as an installation looks at, and fails where a test says so. What units mean, only a real systemd knows:
 * test/boot asks that.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { instancePaths } from '../../src/paths.ts';
import { type Run, runProgram } from '../../src/service/run.ts';
import type { ServiceMode, ServiceRequest } from '../../src/service/service.ts';
import type { Host } from '../../src/service/systemd/ctl.ts';
import type { SystemdFolders } from '../../src/service/systemd/names.ts';

const SCRIPT = `#!/bin/sh
# State: linger, enabled, slice, active (holds the pid) are files in $STATE; refusals in $STATE/refuse, a line "words|answer".
line="\${0##*/} $*"
line=$(printf %s "$line" | sed 's/ --no-ask-password//')
echo "$line" >>"$STATE/calls"
while IFS='|' read -r words answer; do
  case "$line" in "$words"*) echo "$answer" >&2; exit 1 ;; esac
done <"$STATE/refuse"
manager() { [ -e "$MANAGER/private" ] || { echo "Failed to connect to bus: No medium found" >&2; exit 1; }; }
case "$line" in
  "systemctl --version") echo "systemd 257 (257)" ;;
  "loginctl show-user"*) [ -e "$STATE/linger" ] && echo yes || { echo "not logged in" >&2; exit 1; } ;;
  "loginctl enable-linger "?*) : >"$STATE/linger"; mkdir -p "$MANAGER"; : >"$MANAGER/private" ;;
  "loginctl disable-linger "?*) rm -f "$STATE/linger" "$MANAGER/private" ;;
  "systemctl --user show"*|"systemctl show"*)
    case "$line" in *--user*) manager ;; esac
    for unit; do :; done
    template=$(printf %s "$unit" | sed 's/@.*\\./@./')
    if [ "$(readlink "$UNITS/$template")" = /dev/null ]; then echo LoadState=masked
    elif [ -e "$UNITS/$template" ]; then echo LoadState=loaded
    else echo LoadState=not-found; fi
    [ -e "$STATE/enabled" ] && echo UnitFileState=enabled || echo UnitFileState=disabled
    if [ -e "$STATE/active" ]; then
      activity=active
      [ ! -e "$STATE/activity" ] || activity=$(cat "$STATE/activity")
      printf 'ActiveState=%s\\nSubState=running\\nMainPID=%s\\nActiveEnterTimestampMonotonic=1000000\\n' "$activity" "$(cat "$STATE/active")"
    else printf 'ActiveState=inactive\\nSubState=dead\\nMainPID=0\\n'; fi
    [ ! -e "$STATE/shows" ] || cat "$STATE/shows" ;;
  "systemctl --user is-active rasen.slice") [ -e "$STATE/slice" ] || exit 3 ;;
  "systemctl --user stop rasen.slice") rm "$STATE/slice" ;;
  "systemctl"*" enable "*) : >"$STATE/enabled" ;;
  "systemctl"*" disable "*) rm -f "$STATE/enabled" ;;
  "systemctl"*" start rasend"*.service|"systemctl"*" restart rasend"*.service) echo "$SERVICE_PID" >"$STATE/active" ;;
  "systemctl"*" stop rasend"*) rm -f "$STATE/active" ;;
  "journalctl"*) [ -e "$STATE/journal" ] && cat "$STATE/journal" || echo "the words of rasend" ;;
esac
`;

export class FakeSystemd {
  readonly folder = mkdtempSync(join(tmpdir(), 'rs-'));
  readonly home = join(this.folder, 'home');
  readonly #state = join(this.folder, 'state');
  readonly folders: SystemdFolders = {
    etc: join(this.folder, 'etc'),
    var_lib: join(this.folder, 'var/lib'),
    booted: this.folder,
    run_user: join(this.folder, 'run/user'),
    run_rasen: join(this.folder, 'run/rasen'),
  };

  constructor() {
    const bin = join(this.folder, 'bin');
    for (const folder of [this.home, this.#state, bin, this.folders.etc])
      mkdirSync(folder, { recursive: true });
    for (const name of ['systemctl', 'loginctl', 'journalctl', 'sync']) {
      writeFileSync(join(bin, name), SCRIPT);
      chmodSync(join(bin, name), 0o755);
    }
    writeFileSync(join(this.#state, 'refuse'), '');
    writeFileSync(join(this.#state, 'calls'), '');
  }

  /** `started` is called when the service was started: then rasend would answer. */
  host(mode: ServiceMode = 'user', started: () => Promise<void> = async () => {}): Host {
    const { uid } = userInfo();
    const { folders } = this;
    const units =
      mode === 'user' ? join(this.home, '.config/systemd/user') : join(folders.etc, 'systemd/system');
    const env = {
      PATH: `${join(this.folder, 'bin')}:/usr/bin:/bin`,
      STATE: this.#state,
      UNITS: units,
      MANAGER: join(folders.run_user, String(uid), 'systemd'),
      SERVICE_PID: String(process.pid),
    };
    const run: Run = async (argv, options) => {
      const ran = await runProgram(argv, options);
      if (ran.code === 0 && /\b(start|restart) rasend\S*\.service$/.test(argv.join(' '))) await started();
      return ran;
    };
    return { run, env, uid, folders };
  }

  request(mode: ServiceMode = 'user', over: Partial<ServiceRequest> = {}): ServiceRequest {
    const { username, uid, gid } = userInfo();
    const runtime =
      mode === 'user'
        ? join(this.folders.run_user, String(uid), 'rasen')
        : join(this.folders.run_rasen, username);
    return {
      mode,
      user: { name: username, uid, gid, home: this.home, shell: '/bin/sh' },
      launcher: '/opt/rasen/bin/rasend',
      path: '/home/x/bin:/usr/bin',
      umask: '027',
      rasen_home: null,
      paths: instancePaths({ HOME: this.home, RASEN_RUNTIME_DIR: runtime }),
      ...over,
    };
  }

  /** As after an installation of rasend: lingering is on, the manager runs. */
  lingers(): void {
    writeFileSync(join(this.#state, 'linger'), '');
    const manager = join(this.folders.run_user, String(userInfo().uid), 'systemd');
    mkdirSync(manager, { recursive: true });
    writeFileSync(join(manager, 'private'), '');
  }

  /** Attempts run. */
  fillSlice(): void {
    writeFileSync(join(this.#state, 'slice'), '');
  }

  /** What `ActiveState` of a running service is from now on. */
  activity(name: string): void {
    writeFileSync(join(this.#state, 'activity'), name);
  }

  /** What `show` says beyond, and instead of, the rest. */
  shows(...properties: string[]): void {
    writeFileSync(join(this.#state, 'shows'), properties.map(line => `${line}\n`).join(''));
  }

  /** Lines that are in the journal. */
  journal(...lines: string[]): void {
    writeFileSync(join(this.#state, 'journal'), lines.map(line => `${line}\n`).join(''));
  }

  /** Calls that begin so fail with this answer. */
  refuse(words: string, answer: string): void {
    writeFileSync(join(this.#state, 'refuse'), `${words}|${answer}\n`);
  }

  allow(): void {
    writeFileSync(join(this.#state, 'refuse'), '');
  }

  is(state: 'linger' | 'enabled' | 'active'): boolean {
    return existsSync(join(this.#state, state));
  }

  /** Calls that change something, in order, since the last time this was asked. */
  changes(): string[] {
    const path = join(this.#state, 'calls');
    const calls = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, '');
    return calls.filter(call => !/ (show|show-user|is-active) |^journalctl|^sync|^$/.test(call));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
