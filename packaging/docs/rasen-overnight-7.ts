/** rasen-overnight(7): how to leave agents alone for a night: limits, budgets, notices, secrets, the morning after. */
import { ManPage } from './man-page.ts';

/** What happens, and what the user sees of it. */
const EVENTS: readonly (readonly [string, string])[] = [
  ['The terminal or the SSH connection closes', 'Nothing changes.'],
  [
    'rasend is killed',
    'Attempts go on. A service is back in a moment; otherwise the next command that changes something starts rasend. It adopts the attempts.',
  ],
  [
    'The runner of an attempt is killed',
    'The attempt is `lost`. What is left of it is ended, and it is made again, unless `on_lost: fail` says that it must not.',
  ],
  [
    'rasend is restarted, upgraded, or hangs',
    'Tasks are not touched. Clients wait in the queue of the socket; none is refused.',
  ],
  [
    'Reboot or power cut',
    'The attempt that was running is made again and costs nothing; everything else is kept. A service resumes by itself, from the next unfinished subtask.',
  ],
  [
    'A disk is nearly full, out of inodes or quota, or read-only',
    'Nothing new starts: `waiting (disk)`. Work resumes by itself.',
  ],
  [
    'A later step fails: a lock, no file descriptors, git is killed',
    '`waiting (disk)`, `(lock)` or `(machine)`. The step is repeated until it works. The files of the session stay in its workspace until they are committed.',
  ],
  [
    'A usage limit',
    'With `limits: {wait: true}` the task waits until the stated time, `waiting (limit)`, and costs no attempt. Without it, the task is blocked and says until when.',
  ],
  [
    'One of several steps meets a limit, an outage or a missing login',
    'The others that use the same agent wait with it: no session is started into what is known. The interrupted step goes first.',
  ],
  [
    'The service is silent or cuts its answers, for longer than a session lasts',
    '`waiting (network)` or `(overloaded)`. No attempt is used.',
  ],
  [
    'A login is missing',
    '`blocked (auth)`. The task resumes when the login is back; it is tried every ten minutes for a day.',
  ],
  [
    'A budget of tokens or dollars is used up',
    'The session is ended and the gates judge what it left. Then `blocked (budget)`, with the number and the key to raise, or `waiting (budget)` until midnight.',
  ],
  ['An agent floods its output', 'The newest gigabyte is kept; the rest is freed and counted.'],
  [
    'An agent says "done" and is not',
    'The evidence of the gate goes into its next attempt. After five attempts: `blocked`, with the reason.',
  ],
  [
    'An agent asks for what a person decides (answer, merge, replan, retry)',
    'Refused, whichever way the request reaches the socket, and logged.',
  ],
  [
    'A state file is damaged',
    'It is moved to `quarantine/`; `rasen list` and `rasen doctor` name it; its key stays taken; everything else goes on. `rasen gc --damaged` removes it.',
  ],
  [
    'A journal is cut or changed while its task runs',
    'The task goes on, and its files are written again from memory. What was there is kept in `quarantine/`.',
  ],
  [
    'The folder of a task is removed, for example by its agent',
    'While rasend runs: the task goes on from memory, and its files are written again. While it does not: the next one names the task as damaged and ends what still runs of it; other tasks go on.',
  ],
  [
    'The state folder is removed',
    'The supervisor ends what runs, says so and ends; if none ran, the next one does that. Commits stay in the branches of their repositories.',
  ],
  [
    'The state folder is moved, or something is mounted over it',
    'The supervisor says so and ends within seconds. Attempts go on, and are taken over when the folder is back.',
  ],
];

export function rasenOvernight7(version: string): string {
  const page = new ManPage({
    name: 'rasen-overnight',
    section: 7,
    version,
    about: 'leave coding agents alone for a night',
  });
  page.section('Description');
  page.para('Before you go:');
  page.code(
    '# rasen.yml\nbackend: claude\ngates:\n  - [npm, test]\n  - [npm, run, lint]\nlimits:\n  wait: true                  # wait for usage limits to end\n  quiet_hours: "08:00-18:00"  # start no session then\n  tokens: 20M                 # of the whole task\nnotify:\n  desktop: true',
  );
  page.code(
    'rasen service install        # so that a reboot does not end the night\nrasen doctor                 # what is missing, each with its fix\nrasen init --task "Implement password reset" --plan plan.yml\nrasen run --background',
  );
  page.para('In the morning:');
  page.code(
    'rasen report                 # what happened, what it cost, what needs you\nrasen merge                  # runs the gates on the merge result; a conflict changes nothing',
  );
  page.para(
    '`rasen report` lists the tasks of the last day, those that need you first: attempts by outcome, waits, restarts, tokens, cost, and the command to type next. `rasen logs` shows the words of the agent, its tools and what went wrong, a line each; `--raw` shows the output as it is, secrets included.',
  );
  page.section('What happens when things go wrong');
  for (const [when, then] of EVENTS) page.item(when, then);
  page.endList();
  page.section('Limits and budgets');
  page.para(
    'The kernel enforces the limits of one attempt in a systemd unit: `limits: {memory: 4G, cpu: 2, tasks: 500, runtime: 2h}`. The supervisor counts budgets from what sessions report while they run:',
  );
  page.code(
    'limits:\n  tokens: 20M              # of the task; also subtask_tokens, attempt_tokens\n  usd: 25                  # where the agent reports cost: claude, opencode\n  tokens_per_day: 50M      # of all tasks; resumes by itself at midnight',
  );
  page.para(
    'A limit that is used up ends the session; work that passes its gates counts all the same. `rasen resume` then allows as much again of each limit that is used up. Stopping and resuming gives nothing back.',
  );
  page.para(
    'Tokens and dollars are those that the service of the agent counts, also over ACP: what OpenCode used is read from its own record of the session. A session that was cut off counts at least what is known of it. gemini, and any agent over ACP, tell their tokens when a session ends, so a limit of tokens ends no session of them in the middle; the next one does not begin.',
  );
  page.section('Notices');
  page.code(
    'notify:\n  webhook: https://ntfy.sh/my-topic            # Slack, Discord, Telegram, Teams, or your own: JSON by POST\n  command: [my-script]                         # the same on standard input\n  desktop: true                                # notify-send, or osascript',
  );
  page.para(
    'You are told once of each: completed, failed, blocked, waiting for a limit or for the next budget, resumed after a reboot, most of a budget used. A notice has the reason, the last error, time, tokens, cost and the command to type next. `rasen notify test` sends one; `rasen notify log` shows what was sent in the night.',
  );
  page.section('Environment and secrets');
  page.para(
    'The programs of a task get an allow-listed part of your environment as it was at submit (see rasen(1), ENVIRONMENT), what `pass_env` or `rasen run --env NAME` name, and what `env` sets. The login of an agent reaches the sessions of that agent alone. Each attempt has a TMPDIR of its own, removed with it.',
    'Secrets are references, resolved whenever a program starts, so a resume after a power cut needs no shell. Their values are in no file, unit, argument list or answer of rasen:',
  );
  page.code(
    'secrets:\n  API_KEY: env:API_KEY            # from ~/.config/rasen/secrets.env, mode 0600\n  TOKEN: file:~/.config/token\n  DEPLOY: {from: [pass, show, deploy], for: [run]}   # the output of a program',
  );
  page.para(
    '`for` says which programs get a secret: agent, planner, coder, reviewer, qa, run, gates, setup, notify.',
    'What a program prints of a secret is shown as `[masked: NAME]` in logs, notices, reports, the journal, `.rasen/` and later prompts, also as base64, hexadecimal, in addresses, JSON or shell quotes, and across two writes. The same holds for logins and for variables that look like secrets. Values of fewer than six characters are not masked. The output file itself is unchanged, mode 0600.',
  );
  page.section('See also');
  page.para('rasen(1), rasen.yml(5), rasen-agents(7), rasend(8)');
  return page.toString();
}
