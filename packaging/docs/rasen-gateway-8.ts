/** rasen-gateway(8): the HTTP API, its addresses from the table of methods, and its rules of security. */
import { BODY_BYTES_MAX } from '../../src/gateway/guard.ts';
import { ROUTES } from '../../src/gateway/routes.ts';
import { CODE_MS, SESSION_MS } from '../../src/gateway/sessions.ts';
import { STREAMS_MAX } from '../../src/gateway/upstream.ts';
import { ManPage } from './man-page.ts';

const DAY_MS = 86_400_000;

export function rasenGateway8(version: string): string {
  const page = new ManPage({
    name: 'rasen-gateway',
    section: 8,
    version,
    about: 'HTTP API and page of rasen',
  });
  page.section('Synopsis');
  page.para(
    '`rasen gateway` [`--listen` <<address:port>>] [`--unix` [<<path>>]] …',
    '`rasen web`',
    '`rasen token` `create`|`list`|`rotate`|`revoke`',
    '`rasen hook` `add`|`list`|`remove`',
  );
  page.section('Description');
  page.para(
    '`rasen gateway` serves an HTTP API and a page to look at tasks, hand them over and decide about them. It is a client of the control socket, rasen-protocol(7), and keeps no state that matters: it may be killed at any time, and no task notices. rasend(8) itself listens on no network.',
    'It listens on 127.0.0.1:15001 unless told otherwise, starts a supervisor where none answers, and waits for one that restarts. The options are in rasen(1).',
  );
  page.section('As a service');
  page.para(
    '`rasen service install --gateway` [<<address:port>>] makes it a service beside rasend(8): `rasen-gateway.socket` and `rasen-gateway.service` of your own systemd, `rasen-gateway@USER` with `--system USER` (each user needs a port), a LaunchAgent or LaunchDaemon `dev.rasen.gateway` on macOS. It listens on loopback alone, and on `http.sock` beside the socket of rasend. systemd holds both sockets: the first request after a boot starts it, and requests wait while it restarts. launchd can hand its sockets to no program like this one; there it is kept running.',
    'Options are in `RASEN_GATEWAY_FLAGS`, in `service.env` (`/etc/rasen/USER.env`), for example `RASEN_GATEWAY_FLAGS="--behind-proxy --host box.example.ts.net"`; then `rasen service restart`. That is for systemd, and not for `--listen` and `--unix`, since the sockets are those of `rasen-gateway.socket`. `rasen service status` and `rasen doctor` show it, `rasen service uninstall --gateway` removes it alone; logins stay.',
  );
  page.sub('What its unit sees');
  page.para(
    'As a service of the system (`--system`): the system and homes read-only; of the state of rasen the folder `gateway/` alone, which it writes; a `/tmp` of its own; of `/run` what names and programs need, and of all sockets that of rasend alone. So it takes no project below `/tmp`, and an agent of ssh or a keyring is out of its reach: use keys or tokens in files, or name the socket in a drop-in (`systemctl edit rasen-gateway@USER`, `BindReadOnlyPaths=`). Pushes write nothing into your repositories: what they make is in `gateway/commits/`.',
    'In your own systemd it sees what you see, and is confined in what it may ask of the kernel alone: hiding takes a user namespace there, and from inside of one it cannot be told whether an agent in a task is who connects, who may decide nothing.',
  );
  page.section('Logging in');
  page.item(
    'Tokens',
    '`rasen token create` <<name>> `--scope` <<scopes>> prints a token once; it is sent as `Authorization: Bearer` <<token>>. Only its hash is kept. `rotate` and `revoke` count with the next request, and end open streams.',
  );
  page.item(
    'Browsers',
    `\`rasen web\` opens the page with a code that is good once and for ${CODE_MS / 1000} seconds. The browser sends it in the body of \`POST /session\` and gets a cookie (HttpOnly, SameSite=Strict) for ${SESSION_MS / DAY_MS} days. \`rasen token list\` shows them, \`rasen token revoke\` logs them out.`,
  );
  page.item('Unix socket', 'With `--unix` no login is needed: its mode is 0600.');
  page.item(
    'Tailscale',
    'Behind `tailscale serve`, the header Tailscale-User-Login lets in the logins given with `--tailscale-login`. It counts where the process that connects from loopback belongs to root or to the user of tailscaled (`tailscale` or `tailscaled`), since every other process of this machine could send it as well; that is known on Linux alone, and elsewhere the header lets nobody in.',
  );
  page.endList();
  page.sub('Scopes');
  page.item('read', 'Look at everything.');
  page.item('submit', 'Hand over tasks, which run commands as you.');
  page.item('control', 'Stop, resume, cancel, retry, note; suspend and clean up.');
  page.item(
    'decide',
    'Answer, approve, merge, roll back, push, open pull requests, leave out judges, log browsers out.',
  );
  page.endList();
  page.para(
    'The journal of a task says who asked: `via` is `gateway token` <<name>>, `gateway session` <<name>> or `gateway socket local`. Pushes and pull requests are in `gateway/decisions.ndjson`.',
  );
  page.section('Addresses');
  page.para(
    'Parameters, results and errors are those of the method of the protocol that stands behind each address; `/v1/openapi.json` has them for programs. GET takes parameters in the query, POST a JSON object.',
  );
  for (const { verb, path, scope, method } of ROUTES)
    page.item(`\`${verb} ${path}\` (${scope})`, `\`${method.name}\`. ${method.summary}`);
  page.item(
    '`POST /v1/tasks` (submit)',
    'Takes either {spec, env} as `task.run` does, or an order in words: {goal, project | repository, agent, plan, name, base, key, budget_usd}. `project` is a folder on this machine; a `repository` is cloned. 202 when the task is durable.',
  );
  page.item(
    '`POST /v1/tasks/preview` (submit)',
    'What such an order would run: plan, gates, setup, agents. Nothing is started.',
  );
  page.item('`GET /v1/tasks/{task}/diff` (read)', 'The changes of the task so far.');
  page.item('`GET /v1/tasks/{task}/events` (read)', 'The journal of one task.');
  page.item(
    '`POST /v1/tasks/{task}/push` (decide)',
    'Pushes the branch of a completed task to `origin`, never forced; with {message} as one commit.',
  );
  page.item(
    '`POST /v1/tasks/{task}/pull-request` (decide)',
    'As `rasen pr`: {title, body, base, token}, all optional. Without a token through `gh` or `glab`, where it is logged in.',
  );
  page.item('`GET /v1/whoami` (read)', 'Who asks, with which scopes.');
  page.item('`GET /v1/sessions` (read), `POST /v1/sessions/{name}/revoke` (decide)', 'Logged-in browsers.');
  page.item(
    '`GET /livez`, `GET /readyz`',
    'Without a login: the gateway answers; the supervisor answers, the state can be written and the disk has room. 503 when not; `?verbose` names the checks.',
  );
  page.item('`GET /metrics` (read)', 'For Prometheus; `rasen metrics` prints the same.');
  page.endList();
  page.para(
    'A list goes on at the address in its `Link` header. A request that is repeated with the same `Idempotency-Key` is done once. Failures are problem details (RFC 9457); `kind` is the name that rasen-protocol(7) lists.',
  );
  page.sub('Streams');
  page.para(
    `\`/v1/events\` and, with \`Accept: text/event-stream\`, the log and the events of a task are server-sent events. Each message has an id; a reader that comes back with it in \`Last-Event-ID\` (or \`last_event_id\` in the query) misses nothing and gets nothing twice, whatever was restarted meanwhile. A comment comes every 15 seconds. A reader that is slow is waited for; nothing piles up. At most ${STREAMS_MAX} streams are open at once, since the supervisor has 256 places.`,
  );
  page.sub('Remote Developer');
  page.para(
    'The addresses of Remote Developer answer as well: `POST /api/create-task` {github_repo, task_description, github_token, agent, plan}, `GET /api/tasks`, `/api/tasks/by-repo`, `/api/tasks/repo/`<<repo>>, `/api/repository-stats`, `/api/dashboard`, `/api/task-status/`<<id>>, `/api/task/`<<id>>`/check-alive`, `/api/task/`<<id>>`/logs`, `/api/task-logs/`<<id>>`/stream`, and `POST /api/task/`<<id>>`/continue`, `/commit`, `/create-pr`. Whether a task is alive is asked of the operating system. Nothing is pushed before `commit` or `create-pr` is asked for.',
  );
  page.code(`curl -X POST http://localhost:15001/api/create-task \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{"github_repo": "owner/name", "task_description": "Fix the build"}'`);
  page.section('Repositories');
  page.para(
    'A repository that a task is asked for by URL is mirrored once, in `gateway/repositories/`, and each of its tasks gets a checkout in `gateway/checkouts/`. A remote is reached as your own git reaches it: credential helpers, ssh, proxies. A `github_token` of a request is kept in a file of mode 0600 for that task and given to git through GIT_ASKPASS, for the host of that repository alone; it stands in no URL, remote, argument or log. A URL with a password in it is refused. `rasen init --repo` makes a task of the same kind by hand, in a checkout of its own beside theirs. Submodules and LFS objects are not fetched.',
  );
  page.section('Webhooks');
  page.para(
    '`rasen hook add` <<trigger>> lets a trigger of the kind webhook be called at `POST /hooks/`<<trigger>>, and shows its secret once. Deliveries are signed as Standard Webhooks say (within five minutes), as GitHub does (X-Hub-Signature-256), or carry the token of GitLab. `--event` and `--filter` choose among them. The answer is 200 when it is durable, with `result`: <<accepted>>, <<joined>>, <<skipped>>, <<duplicate>> or <<ignored>>, and a `reason`; 401 without a good signature, 413 when too large, 429 above 120 in a minute. The run finds the payload in the file that RASEN_TRIGGER_FILE names.',
  );
  page.section('Security');
  for (const [rule, text] of [
    [
      'Who reaches it',
      'Loopback alone. Another address is refused without `--tls-cert` and `--tls-key`, or `--behind-proxy`.',
    ],
    [
      'Names',
      'A request under a name other than localhost, the address it listens on, or those given with `--host` is answered with 421 before anything else: a page whose name was rebound to this machine gets nothing.',
    ],
    [
      'Other sites',
      'A request with an Origin other than its own, or that the browser marks as coming from another site, is refused; one with a cookie that does not say where it comes from changes nothing. No answer has CORS headers.',
    ],
    [
      'Bodies',
      `JSON alone, as it is (no Content-Encoding), at most ${BODY_BYTES_MAX / 1024 / 1024} MiB. A head has to be there within 10 seconds, a request within 30.`,
    ],
    [
      'Guessing',
      'Tokens have 256 bits and are compared in constant time. After ten wrong ones in a minute from one address further wrong ones are answered with 429; the right one always gets in.',
    ],
    [
      'Tasks themselves',
      'What runs inside an attempt may read, and nothing else, whatever token it has found: on Linux the process at the other end of a local connection is looked up when it connects. One that has ended by then, or cannot be found, changes nothing. It asks with `rasen`, and for less.',
    ],
    [
      'The page',
      'No script but its own, none inline; what agents and logs say becomes text and nothing else.',
    ],
    ['Secrets', 'Masked in logs as everywhere; `raw` is not answered over HTTP.'],
  ] as const)
    page.item(rule, text);
  page.endList();
  page.section('Files');
  page.item(
    '`gateway/tokens.json`, `gateway/sessions.json`',
    'In the folder of the state, mode 0600: names, scopes and hashes.',
  );
  page.item(
    '`gateway/commits/`',
    'What pushes have made of tasks: objects of git and the commit, a folder a task.',
  );
  page.item('`gateway/hooks.json`', 'Secrets of webhooks, mode 0600.');
  page.item('`gateway/running.json`', 'Where it listens, while it does.');
  page.item('`gateway/gateway.log`', 'Of one that `rasen web` has started.');
  page.item(
    '`share/doc/rasen/grafana.json`, `share/doc/rasen/alerts.yml`',
    'A dashboard and alert rules for the metrics.',
  );
  page.endList();
  page.section('See also');
  page.para('rasen(1), rasend(8), rasen-protocol(7)');
  return page.toString();
}
