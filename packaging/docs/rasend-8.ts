/** rasend(8): the supervisor as a process, its files, and what happens when it dies. */
import { EXIT } from '../../src/errors.ts';
import { instancePaths, MAX_SOCKET_PATH_BYTES, type Paths } from '../../src/paths.ts';
import { ROLLING } from '../../src/service/runtime/log-rolling.ts';
import { SETTINGS } from '../../src/supervisor/settings.ts';
import { RETRY } from '../../src/task/retry.ts';
import { ManPage } from './man-page.ts';

const STATE: Readonly<Record<string, string>> = {
  'tasks/ID/': 'One task. While it is made its name begins with `.new-`.',
  'tasks/ID/events.jsonl':
    'The journal: one event a line, numbered, each with a checksum; synced to disk before anybody is told. The truth: everything else that changes can be made from it again.',
  'tasks/ID/spec.json': 'What was asked for, by value; its sha256 is in the journal.',
  'tasks/ID/plan.REV.json': 'The plan, one file a revision; their sha256 are in the journal.',
  'tasks/ID/event.SEQ.json': 'An event that is too long for a line.',
  'tasks/ID/env.json': 'The environment of its commands, mode 0600.',
  'tasks/ID/task.json':
    'The state at some event, which saves time at a start; `task.json.prev` is the one before.',
  'tasks/ID/attempts/SUBTASK/N/':
    'One attempt: `spec.json` and `command` (what is run), `prompt.md`, `claim` (a runner has it; made once), `runner` (its identity: boot, process id, start time), `output` (standard output and error, in order), `exit` (how it ended; there means over). A gate has such a folder in `gates/K.TRY/` below it.',
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
    'There is one supervisor for an instance; a second one ends with a message that names the first. The umask at its start is that of the commands of its tasks.',
  );
  page.item('`-h`, `--help`', 'Show the usage.');
  page.item('`--version`', 'Show the version.');
  signals(page);
  underServiceManager(page);
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
    `The attempt is <<lost>>: what is left of its processes is ended, then the subtask is tried again, or fails where \`on_lost\` is \`fail\`. A loss does not use up an attempt; after ${RETRY.lost_max} in a row the task is blocked.`,
  );
  page.item(
    'Reboot, power cut',
    'Running attempts are lost, everything acknowledged is there. Tasks go on from the next subtask that is not done, unless `auto_resume` is false.',
  );
  page.item(
    'Disk nearly full',
    'Nothing new is started and tasks wait; they go on by themselves when there is room.',
  );
  page.endList();
  page.section('Quarantine');
  page.para(
    'A file that cannot be read is never overwritten and never guessed at. It is moved to `quarantine/` under a name with the task and the time, all other tasks go on, and `rasen doctor` names it. What is there is yours to look at and to remove.',
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
    [EXIT.temporary, 'Another supervisor has the lock of this instance, or took it over.'],
  ] as const)
    page.item(`\`${status}\``, about);
  page.section('See also');
  page.para('rasen(1), rasen.yml(5), rasen-protocol(7)');
  return page.toString();
}

function signals(page: ManPage): void {
  page.section('Signals');
  page.item(
    '`SIGTERM`, `SIGINT`',
    'End the supervisor: answers are sent, connections closed. Attempts are left running; `rasen stop` is what ends them.',
  );
  page.item(
    '`SIGHUP`',
    'Read `rasend.yml` again and open the log file again; see SETTINGS for what takes effect at once. Settings that are wrong change nothing: the log and the status line name file, line and column, and the old ones stay. A closed terminal sends this signal, too, and ends nothing.',
  );
  page.endList();
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
    'The journal of systemd, in its native protocol over the descriptor `journal`. The fields of a line have the prefix `RASEN_`: `journalctl --user -u rasend RASEN_TASK=ID` shows what was said about a task, `-p warning` what went wrong; an error has its `STACK`. A line that is too long for the journal goes to standard error. Where that descriptor was not handed over but standard error is the journal, lines go there, with their priority.',
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
  quarantine: 'What could not be read.',
  config: 'Settings, optional; see SETTINGS.',
  log: 'The log, where it goes to files: one JSON object a line; see LOG. What a supervisor that `rasen run` started says before is in `rasend.out` beside it.',
  runtime: 'Folder of the socket, mode 0700. Result files of agents are in `results/`.',
  socket: `The socket, mode 0600. Its path may have ${MAX_SOCKET_PATH_BYTES} bytes at most.`,
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
