/** rasend(8): the supervisor as a process, its files, and what happens when it dies. */
import { EXIT } from '../../src/contract/errors.ts';
import { RETRY } from '../../src/engine/retry.ts';
import { instancePaths, MAX_SOCKET_PATH_BYTES, type Paths } from '../../src/paths.ts';
import { ROLLING } from '../../src/service/runtime/log-rolling.ts';
import { SETTINGS } from '../../src/supervisor/settings.ts';
import { ManPage } from './man-page.ts';

const STATE: Readonly<Record<string, string>> = {
  'tasks/ID/': 'One task. While it is made its name begins with `.new-`.',
  'tasks/ID/events.jsonl':
    'The journal: one event a line, numbered, each with a checksum and the digest of the line before; synced to disk before anybody is told. The truth: everything else that changes can be made from it again.',
  'tasks/ID/spec.json': 'What was asked for, by value; its sha256 is in the journal.',
  'tasks/ID/plan.REV.json': 'The plan, one file a revision; their sha256 are in the journal.',
  'tasks/ID/event.SEQ.json': 'An event that is too long for a line.',
  'tasks/ID/env.json': 'The environment of its commands, mode 0600.',
  'tasks/ID/task.json':
    'The state at some event, which saves time at a start; `task.json.prev` is the one before.',
  'tasks/ID/attempts/SUBTASK/N-NONCE/':
    'One attempt: `spec.json` (what is run), `prompt.md`, `claim` (a runner has it; made once), `runner` (its identity: boot, process id, start time), `output` (standard output and error, in order), `exit` (how it ended; there means over, when it is signed by the runner). In a unit also `cage` (its name) and `ended` (what the runner said of the end, before the unit was empty). Where an agent is spoken with while it works, also `session` (identity of the session program, which does so) and `notes/` (what the agent is still to be told). A gate has such a folder in `gates/K.TRY-NONCE/` below it. Attempts of older versions have no NONCE in their names.',
  'tasks/ID.pack':
    'A task that is over, in one compressed file, some time after its end (`pack_after`). Every command takes it as before.',
  'keys/':
    'The keys that are taken: one empty file each, named by the digest of the key and the task that has it.',
  heads:
    'How far each journal goes: bytes and checksum, a line a task. A journal that is shorter, or begins otherwise, is damaged.',
  'scripts/':
    'What a unit runs when it has ended, named by its content: the installation may have moved by then.',
  'tasks/ID/repository.json':
    'The repository of a task that was submitted before there was one, or by an earlier release; of all others it is in the journal.',
  'git/REPOSITORY/':
    'What is remembered of a repository. `tasks/ID/git/` is the git directory that the supervisor works with: objects and refs are links to those of the repository; configuration, ignore patterns and attributes are what the user had when the task was submitted. See GIT.',
  'triggers/ID/':
    'One trigger: its journal `events.jsonl`, which is made short from time to time, `event.SHA256.json` (what is too long for a line), `env.json`, `tree.jsonl` (the files of a watch as the last run has seen them), `payloads/` (what came with its slots).',
  'quarantine/': 'What could not be read, moved here; see QUARANTINE.',
};

export function rasend8(version: string): string {
  const page = new ManPage({ name: 'rasend', section: 8, version, about: 'the supervisor of rasen' });
  page.section('Synopsis');
  page.para('`rasend` [`--help`] [`--version`]');
  page.section('Description');
  page.para(
    '`rasend` owns the tasks of rasen(1) and is the only process that decides about them and writes their state. It listens on a Unix socket; rasen-protocol(7) says how to talk to it. It runs in the foreground; a service manager starts it, or `rasen run` and `rasen resume` do where none answers.',
    'Each attempt has a small process of its own, the runner, which starts the command, writes down how it ended, and outlives the supervisor. Output goes straight to a file. So the supervisor may end at any time, be killed or be upgraded: attempts go on, and the next supervisor adopts them.',
    'What is written into the folder of a project is written by a helper process, `rasen-files.cjs` beside `rasend.cjs`, so that a disk that does not answer holds up nobody. It takes some 10 MiB of memory of its own, is started when there is something to write, and ends after half a minute without work.',
    'An agent that can be spoken with while it works is not started by the runner itself but by the session program, `rasen-session.cjs` beside `rasend.cjs`: it holds the conversation, copies every line of the agent to the output, passes notes on, and ends as the agent ends. It too outlives the supervisor. It takes 10 to 20 MiB of memory of its own. No two processes work in one session: whoever finds it taken leaves it alone, and the next attempt begins a new one.',
    'The program between a sandbox and a list of hosts, `rasen-fence.cjs` beside `rasend.cjs`, runs once outside and once inside of each such sandbox, and ends with its command. It is not used for any other.',
    'There is one supervisor for an instance; a second one ends with a message that names the first. The umask at its start is that of the commands of its tasks.',
  );
  page.item('`-h`, `--help`', 'Show the usage.');
  page.item('`--version`', 'Show the version.');
  signals(page);
  asService(page);
  cages(page);
  whoAsks(page);
  underServiceManager(page);
  launchd(page);
  page.section('When it is killed');
  page.para(
    'There is no special way back: a start reads the journals, looks at what is alive, and goes on from there. A last line that was not written whole was never acknowledged; it is kept in the quarantine and cut off.',
  );
  page.item(
    'SIGKILL, a crash',
    'Attempts go on. The next supervisor adopts those that live, takes the results of those that ended meanwhile, and goes on. Followers of logs go on from where they were.',
  );
  page.item(
    'The runner of an attempt is killed',
    `The attempt is <<lost>>: what is left of its processes is ended, then the subtask is tried again, or fails where \`on_lost\` is \`fail\`. A loss does not use up an attempt; after ${RETRY.lost_max} in a row within ${RETRY.lost_window_ms / 60_000} minutes the task is blocked.`,
  );
  page.item(
    'Reboot, power cut',
    'Running attempts are lost (a power cut) or were stopped (a shutdown in good order), everything acknowledged is there. Neither uses up an attempt. As a service `rasend` is back without a login, and tasks go on from the next subtask that is not done, unless `auto_resume` is false.',
  );
  page.item(
    'Disk nearly full',
    'Nothing new is started and tasks wait; they go on by themselves when there is room.',
  );
  page.endList();
  page.section('Quarantine');
  page.para(
    'A file that cannot be read is never overwritten and never guessed at. It is moved to `quarantine/` under a name with the task and the time, all other tasks go on, and `rasen list` and `rasen doctor` name it, after a restart as well. Its key stays taken, so that the same order is not carried out again. What is there is yours to look at; `rasen gc --damaged` removes it and frees the key.',
    'A task that a newer rasen wrote is left where it is, and listed as such.',
    'Files of a task that runs are written again from memory when something else has changed or removed them; what was in their place is moved here.',
  );
  page.section('Git');
  page.para(
    'What an attempt writes into a repository is not trusted. The supervisor runs git with a configuration of its own, made once per task from what the user and the repository had when the task was submitted: who commits, how files become commits (line ends, filters such as those of Git LFS, merge drivers, ignore patterns, attributes), where large files are. Nothing of it is read again: no hook, no fsmonitor, no filter, no include, no alias that is added later has an effect on what the supervisor does; submit the task again after a change that it must know.',
    'Of the environment git has PATH and HOME of the task and little else. A file of git’s that is a FIFO, a socket or a device is put out of the way and told by the gate `clean`; a link by which something would be written elsewhere stops the task with a message that names it. Only folders that the order of a task gives are ever removed, none that a record names, and nothing below a mount point.',
    'Locks that a killed git left are removed when no process holds them; those that are the whole repository’s only when they are also some seconds old.',
  );
  files(page);
  settings(page);
  log(page);
  page.section('Exit status');
  for (const [status, about] of [
    [EXIT.ok, 'It was ended by a signal, or only asked for its version or usage.'],
    [
      EXIT.failed,
      'Something that a start needs is not possible: the state cannot be written, a program is missing.',
    ],
    [EXIT.usage, 'Wrong arguments or settings, or no socket can be made at the path.'],
    [EXIT.missing_runtime, 'No usable Node runtime was found.'],
    [EXIT.internal, 'A bug; the log has the stack.'],
    [
      EXIT.temporary,
      'Another supervisor has the lock of this instance, or took it over; or the state folder is gone: it was removed, moved, or another is at its path.',
    ],
  ] as const)
    page.item(`\`${status}\``, about);
  page.section('See also');
  page.para('rasen(1), rasen.yml(5), rasen-agents(7), rasen-overnight(7), rasen-protocol(7)');
  return page.toString();
}

function signals(page: ManPage): void {
  page.section('Signals');
  page.item(
    '`SIGTERM`, `SIGINT`',
    'End the supervisor. Where a service manager will start it again, attempts live on and the next supervisor takes them over. Where none will, nothing is left without an owner: every attempt is ended (SIGTERM, after 30 s SIGKILL; a second signal does not wait), tasks that would go on are interrupted, their views say so, and `rasen resume` goes on with them. A service manager is one that hands over a socket or a notify socket, or sets `RASEN_SERVICE`: a container that is restarted, runit or supervisord set it to any word. After SIGKILL, or when the machine went down, the next command of any kind starts a supervisor, which takes over what was left.',
  );
  page.item(
    '`SIGUSR2`',
    'End the supervisor and leave attempts running: another one is about to take them over. `rasen service install` sends it to one that no service manager runs.',
  );
  page.item(
    '`SIGHUP`',
    'Read `rasend.yml` again and open the log file again; see SETTINGS for what takes effect at once. Settings that are wrong change nothing: the log and the status line name file, line and column, and the old ones stay. A closed terminal sends this signal, too, and ends nothing.',
  );
  page.endList();
}

function asService(page: ManPage): void {
  page.section('As a service');
  page.para(
    '`rasen service install` writes units for the systemd that runs, switches lingering on so that the service comes at boot without a login, and starts it: `rasend.service`, `rasend.socket` and `rasen.slice` in `~/.config/systemd/user`. `sudo rasen service install --system USER` makes `rasend@USER.service` and its socket in `/etc/systemd/system` instead; attempts are in the service manager of USER all the same. `--dry-run` shows the files.',
    'Variables for the service, such as PATH, are in `$XDG_CONFIG_HOME/rasen/service.env` (`/etc/rasen/USER.env` with `--system`), mode 0600. PATH is taken from the login shell at the installation; without its line it is yours to set. Secrets of tasks do not belong there, see rasen.yml(5).',
    'With `--gateway` the gateway is a second service, `rasen-gateway.socket` and `rasen-gateway.service` (`rasen-gateway@USER` with `--system`); rasen-gateway(8) says what it gets to see.',
    'systemctl and journalctl work as with every service. A restart is harmless to tasks: their attempts are no children of `rasend`, and clients wait in the queue of the socket. `systemctl --user stop rasend.socket rasend.service` ends the supervisor alone; `rasen service stop` ends what runs too, and it goes on after `rasen service start`.',
    'After an upgrade, restart the service with `rasen service install` or `rasen service restart`. Until then, a newer `rasen` leaves out of its orders what the older `rasend` does not know and what is a default anyway; anything else ends with status 4 and names the command to run.',
    'The service manager has the home of the user database, so the units are there, whatever HOME is in the shell that installs them; state and configuration stay where HOME and the XDG variables put them. A home may be mounted late: a service of the system waits for its mount where `/etc/fstab` has one, and otherwise changes over to the state in it when it appears. A service of the user is in that home itself, and is started by the first command after the mount.',
    'The supervisor is confined (`systemd-analyze security`), attempts are not: sudo, containers and sandboxes work in them as in a shell of the user.',
  );
}

function cages(page: ManPage): void {
  page.section('Cages');
  page.para(
    'A cage holds the processes of an attempt together. `rasen status` names that of a running attempt, `rasen doctor` says which one is used for new ones and why; the setting `cage` or RASEN_CAGE decides otherwise.',
  );
  page.item(
    '`unit`',
    "The default where the user's own service manager (systemd) answers: each attempt is a transient service, `rasen-TASK-SUBTASK-N-NONCE.service` in `rasen.slice`. Nothing leaves it, also not with a session of its own; what a command leaves running is ended with it; how it ended is recorded when the runner was killed, when memory ran out, and while no supervisor runs. `limits` of memory, processors and processes are held by the kernel where the controllers are handed to the user's manager, which `rasen doctor` tells.",
  );
  page.item(
    '`group`',
    'Where no manager answers (containers, macOS): a session, known by its number and by a variable in the environment. A program that clears its environment and leaves its session escapes. Of `limits` only `runtime` has an effect, while the supervisor runs.',
  );
  page.endList();
}

function whoAsks(page: ManPage): void {
  page.section('Who asks');
  page.para(
    'A person decides: answers, merges, plan edits, retries, rollbacks, going on with what was stopped or is blocked, ending and removing tasks. A request for one of these that comes from inside an attempt is refused, and the log of the task says so; rasen-protocol(7) has what is allowed to whom. So are requests of a client that has left, or that cannot be seen (another PID namespace): ask from where the supervisor runs. Work is not taken from them either, nor from inside an attempt when it cannot be told of which task.',
    'A process belongs to an attempt when it, or one of its parents, is in the control group of its unit, in the session of its runner, or has its marker RASEN_ATTEMPT in its environment; and when it has its mark, which it can do nothing about: the hard limit of resident memory (`ulimit -m`). Linux enforces that limit nowhere, hands it on to every child, and lets only the superuser raise it. A shell of yours must not have a lower one than the supervisor was started with.',
    'Not seen is what an attempt makes others start: the service manager of the user (systemd-run), at(1), a terminal multiplexer that ran before, a login over ssh; and a process of root that raises its limit, clears its environment and leaves its session. Agents that you do not trust belong into a container.',
    'The kernel is asked by way of perl, or python3. Where neither is in /usr/bin, and on macOS, it cannot be told who asks, and nothing is refused; `rasen doctor` says so.',
  );
}

function launchd(page: ManPage): void {
  page.section('Launchd');
  page.para(
    'On macOS `rasen service install` writes a LaunchAgent, `~/Library/LaunchAgents/dev.rasen.rasend.plist`, and loads it into the domain gui/UID, or user/UID where there is no desktop login (ssh). An agent starts when its user logs in, not at boot. `sudo rasen service install --system USER` writes a LaunchDaemon, `/Library/LaunchDaemons/dev.rasen.rasend.USER.plist`, which starts at boot and runs as USER; it has no login keychain, and macOS shows it no prompts: give the node program access to folders (Full Disk Access) by hand. With FileVault nothing runs before the disk is unlocked.',
    'launchd starts `rasend` again whenever it ends, at most every 10 seconds. `rasen service restart` is `launchctl kickstart -k`; tasks are not touched. `rasen service stop` ends what runs, so that it goes on at the next start, and unloads the job until `rasen service start`, the next login (agent) or the next boot (daemon). Never put a secret into the property list: everybody can read it.',
    '`rasend` logs to its own rotated files (`log: rolling`). What it says before that is in `~/Library/Logs/rasen` (agent) or `/Library/Logs/rasen/USER` (daemon). With `log: file`, `packaging/newsyslog/rasen.conf` rotates it.',
    'If an agent was loaded over ssh and you log in at the desk later, launchd may load it there too, and the second one waits for the first; `rasen service install` at the desk leaves one. "Bootstrap failed: 5: Input/output error" is what launchd says of a job that is loaded already, of a file whose owner or mode it does not like, and of a job that is disabled. Look at `launchctl print gui/UID/dev.rasen.rasend`, `plutil -lint FILE` and `launchctl print-disabled gui/UID`.',
    'The support for launchd was written from its manual pages and from bug reports of other projects. It has not been run on a Mac.',
  );
}

function underServiceManager(page: ManPage): void {
  page.section('Under a service manager');
  page.para(
    'What systemd (or another service manager that does the same) hands over when it starts `rasend` is used, and is kept from the commands of tasks. No library of systemd is needed. Descriptors are known by their names in `LISTEN_FDNAMES` and are for the process in `LISTEN_PID` alone.',
  );
  page.item(
    '`rpc`',
    'A listening stream socket, `FileDescriptorName=rpc` in a socket unit. It is served instead of a socket of its own and is never removed: while `rasend` is restarted, clients wait in its queue and none is refused.',
  );
  page.item(
    '`sdnotify`',
    'A datagram socket that is connected to the notify socket, by `OpenFile=`. Without it `NOTIFY_SOCKET` is used through systemd-notify(1), which needs `NotifyAccess=all`.',
  );
  page.item('`journal`', 'A datagram socket that is connected to the journal, by `OpenFile=`; see LOG.');
  page.item(
    '`WATCHDOG_USEC`',
    'The watchdog is fed three times in this time, but only while the event loop turns and the thread pool, through which all files go, takes work and gives it back.',
  );
  page.endList();
  page.para(
    '`READY=1` is said when every task is read and the socket answers. The status line, which `systemctl status` shows, has how many tasks run, wait and are blocked, and what is wrong with the settings after a reload. A reload is said to begin and to end (`Type=notify-reload`). A start or an end that takes long asks for more time.',
    'A service whose instance is in the hands of another supervisor, such as one that `rasen run` started, ends with status 75 and says whose; `Restart=` tries again until that one is gone.',
  );
}

function log(page: ManPage): void {
  const { max_bytes, files } = ROLLING;
  page.section('Log');
  page.para(
    'Where the log goes is the setting `log`. It never has the output of tasks: that is in their own files, see rasen(1), so that a task that talks much hides nothing.',
  );
  page.item(
    '`journal`',
    'The journal of systemd, in its native protocol over the descriptor `journal`. The fields of a line have the prefix `RASEN_`: `journalctl --user -u rasend RASEN_TASK=ID` shows what became of a task: that it was submitted and began, how each attempt and subtask ended, that it waits or is blocked and why, and its outcome. The priority follows that: `-p warning` shows what went wrong, an error is a failed task. `RASEN_EVENT`, `RASEN_SUBTASK` and `RASEN_ATTEMPT` say which line it is; an error has its `STACK`. A line that is too long for the journal goes to standard error. Where that descriptor was not handed over but standard error is the journal, lines go there, with their priority.',
  );
  page.item(
    '`stderr`',
    'Standard error: one JSON object a line, or text with a priority if it is the journal.',
  );
  page.item(
    '`file`',
    'One file, `rasend.log`, mode 0600, for logrotate(8) or newsyslog(8): `SIGHUP` after it was moved away opens a new one. It must not be copied and truncated, which loses lines.',
  );
  page.item(
    '`rolling`',
    `Numbered files beside \`rasend.log\`, which is a link to the one in use. After ${max_bytes / 1024 / 1024} MiB the next one is begun; ${files} are kept.`,
  );
  page.item('`auto`', 'As `journal` where there is one, else as `rolling`.');
  page.endList();
  page.para('In all of them a line is out of the process when it is logged: a crash takes none away.');
}

/** What each path of an instance is. A path without a row does not compile. */
const PATHS: Readonly<Record<keyof Paths, string>> = {
  home: 'State, mode 0700; below. It has a lock of its own, `rasend.lock`.',
  tasks: 'The tasks.',
  sessions:
    'Which sessions of agents somebody works in, so that no two processes work in one: a link for each, which names its process.',
  gateway: 'What the gateway keeps: logins, repositories; see rasen-gateway(8).',
  quarantine: 'What could not be read.',
  config: 'Settings, optional; see SETTINGS.',
  log: 'The log, where it goes to files: one JSON object a line; see LOG. What a supervisor that `rasen run` started says before is in `rasend.out` beside it.',
  runtime: 'Folder of the socket, mode 0700. Result files of agents are in `results/`.',
  socket: `The socket, mode 0600. Its path may have ${MAX_SOCKET_PATH_BYTES} bytes at most.`,
  http: 'The socket of the gateway, where it has one.',
  lock: 'The lock of the socket. It belongs to an open file and ends with the process; the file stays.',
  pid: 'Process id of the supervisor.',
};

function files(page: ManPage): void {
  page.section('Files');
  page.para(
    'Where RASEN_HOME is set, everything of the instance is in it. Otherwise it is in the XDG folders: with XDG_RUNTIME_DIR the folder of the socket is `$XDG_RUNTIME_DIR/rasen`, and RASEN_RUNTIME_DIR names another. Below, the first path is the one with RASEN_HOME, the second one without any variable.',
  );
  const own = instancePaths({ HOME: '~', RASEN_HOME: '/$RASEN_HOME' });
  const user = instancePaths({ HOME: '/~' });
  for (const [name, about] of Object.entries(PATHS)) {
    const key = name as keyof Paths;
    page.item(`\`${own[key].slice(1)}\`, \`${user[key].slice(1)}\``, about);
  }
  page.endList();
  page.sub('The state folder');
  for (const [path, about] of Object.entries(STATE)) page.item(`\`${path}\``, about);
  page.endList();
}

function settings(page: ManPage): void {
  page.section('Settings');
  page.para('`rasend.yml` is YAML and read at the start and on `SIGHUP`. An unknown key is an error.');
  for (const [key, { about, default: value, live }] of Object.entries(SETTINGS)) {
    const when = live ? '' : ' Takes effect at the next start.';
    page.item(`\`${key}\``, `${about} Default: \`${value}\`.${when}`);
  }
  page.endList();
  page.para('For example:');
  page.code('max_live_jobs: 8\ndisk_min: 2gb');
}
