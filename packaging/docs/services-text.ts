/** Services, what subtasks wait for, and what runs at the end, for rasen.yml(5). */
import type { ManPage } from './man-page.ts';

export const SERVICES_EXAMPLE = `subtasks:
  - {id: db,  keep: [postgres, -D, data], ready: {tcp: 5432}}
  - {id: web, keep: [npm, run, dev], needs: [db], port: auto, ready: {http: "http://127.0.0.1:\${PORT}/health"}}
  - {id: e2e, run: [npm, run, e2e], needs: [web]}      # finds RASEN_URL_WEB
  - {id: logs, run: [./collect-logs], needs: {e2e: failed}}
finally:
  - {id: clear, run: [rm, -rf, data]}`;

export const PROJECT_EXAMPLE = `services:
  db: {keep: [postgres, -D, .data, -p, "\${PORT}"], port: auto, ready: {command: [sh, -c, "pg_isready -p $PORT"]}}
gates: [[npm, test]]                                   # finds RASEN_URL_DB and RASEN_PORT_DB`;

const STATES: Readonly<Record<string, string>> = {
  done: 'It is completed. The default, but for services.',
  ready:
    'Of a service: it is ready now. The default for services. One that is started again meanwhile is waited for.',
  started:
    'Its first attempt has begun. The two run side by side, whatever `parallel` says; in a git worktree sessions of agents do so never.',
  failed:
    'It was given up, or is blocked for something that no time mends, such as a program that is not there. Such a subtask runs although nothing new starts after a failure (`on_fail: stop`), and so does what comes after it. Where all else is done and the service has not failed, it is left out.',
};

export function servicesText(page: ManPage): void {
  page.section('Services and order');
  page.para(
    'A subtask with `keep` in the place of `run` is a service: a program that stays up. What needs it begins when it is ready; when all other subtasks are done (or the task ends in another way, is stopped or blocked) it is stopped: SIGTERM, and SIGKILL after 30 seconds. Its keys are described with those of a subtask, above.',
  );
  page.code(SERVICES_EXAMPLE);
  page.para(
    'A service finds its port as PORT. It and all that needs it, also by way of others, find RASEN_URL_ID and RASEN_PORT_ID, where ID is its id in capitals with `_` in the place of all that is no letter or digit. A port that another program has is never taken for the service: the task is blocked and names the process, and `rasen resume` tries again. With `port: auto` no two services are given the same one, and after a rest a service whose port was taken meanwhile is given another.',
    'A service belongs to the supervisor like any other work: it outlives terminals and is adopted, and not started again, when the supervisor is restarted or killed. None is started twice, and none is left over. It takes no place of `parallel` or `max_live_jobs`, no time of `max_runtime_seconds`, and no attempt of the task. What it prints is kept (`rasen logs`). What it writes into a git worktree is committed with the work of the subtasks unless it is ignored. A command that looks at a service (`ready`, `health`) runs with its environment and in its sandbox for at most 5 seconds, and what it leaves running is ended with it.',
    'In a sandbox with a list of hosts (`sandbox.network`) the ports of services at which RASEN_URL_ID and RASEN_PORT_ID lead to this machine are there as well; with `none` no service can be reached on Linux. A service that has a port and is itself in a sandbox (`sandbox.commands`) with a list or `none` is refused there, since nobody could reach it.',
    'A service that is not to be started again, or was started again too often, has failed, and the reason has the end of its output. The task fails then (with `on_fail: continue`: when the others are done); where agents work it is blocked. A task of services alone stays `running` until somebody stops it, and comes back after a reboot. `rasen status` shows since when each is ready and how often it was started again.',
    '`services` in rasen.yml is a map of such services for the tasks of the project. They are started in the worktree after `setup`, are up for the gates before the first change, for sessions of agents and for all gates, and are gone when the task is over, stopped or blocked. A gate does not begin while one of them is being started again. Their keys are `keep`, `ready`, `health`, `restart`, `max_restarts`, `restart_window`, `port`, `shell`, `needs` (of one another), `cwd`, `env` and `limits`. For the gates of `rasen merge` they are started in its checkout, and are gone when the merge is.',
  );
  page.code(PROJECT_EXAMPLE);
  page.para(
    '`rasen ensure NAME -- COMMAND` makes sure of a service of a folder from a shell or a script, and prints its URL; see rasen(1).',
  );
  page.sub('What is waited for');
  page.para('`needs` may say more than which: `needs: [a, {b: started}]`, or `needs: {a: done, b: failed}`.');
  for (const [key, about] of Object.entries(STATES)) page.item(`\`${key}\``, about);
  page.endList();
  page.para(
    'What waits for something that can never come is left out (`skipped`), with the reason. Left out since nothing failed, it does not count against the task: that is completed without it. A task in which a subtask failed fails, whatever ran because of it.',
  );
  page.sub('What runs at the end');
  page.para(
    'Commands under `finally`, a list or a map like `subtasks`, run once at the end of the task: after all others and after its services, whether it is completed, failed or cancelled. One after the other, or as their `needs` say; `needs: {e2e: failed}` is for one that runs after a failure alone. No limit of the task ends them, but their own `timeout`. What becomes of them is told (`rasen status`, notices) and changes nothing about the outcome of the task. What they change in a git worktree is in no commit.',
    'They do not run when the task is stopped or blocked, which is no end: they run when it ends later. Neither do they after `rasen cancel --force`, or where the task has not begun. A task that is done again after its end (`rasen retry`) has another end, at which they run again.',
  );
}
