/**
 * What `rasen doctor` says of the agents, as a task that is handed over from this shell and this folder would find
 * them: with what is captured of its environment, and with the secrets of the project's configuration.
 */

import { agentText, type StartedAgent, startedAgents } from '../agents/installed.ts';
import { PROGRAMS } from '../agents/programs.ts';
import { standingOf, testedOf, testedText } from '../agents/tested.ts';
import { AGENT_PROGRAMS } from '../contract/backends.ts';
import type { Finding } from '../contract/methods/daemon.doctor.ts';
import { AGENT_LOGINS, logsInWith } from '../engine/recipient.ts';
import { capturedEnv } from '../submit/captured-env.ts';
import { configFolder } from '../submit/config-folder.ts';
import type { Context } from './context.ts';

const CHECK = 'agents';
type Place = Pick<Context, 'cwd' | 'env' | 'loadConfigBundle'>;

export async function agentFindings(place: Place): Promise<Finding[]> {
  const { named, secrets, ...env } = await asked(place);
  const found = await startedAgents(capturedEnv(place.env, env));
  const missing = named.filter(backend => found.every(({ name }) => name !== backend));
  if (found.length + missing.length === 0) {
    const fix = 'Install one, or name any program in rasen.yml (agent: [..]). Plain commands need none.';
    const message = `none of ${AGENT_PROGRAMS.join(', ')} is on PATH`;
    return [{ check: CHECK, level: 'warning', message, fix }];
  }
  return [
    ...missing.map(backend => notHere(backend)),
    ...found.map(
      agent =>
        noStart(agent, named.includes(agent.name) ? 'error' : 'warning') ??
        findingOf(agent, place.env, secrets),
    ),
    ...found.flatMap(agent => tooOld(agent)),
  ];
}

/** What the supervisor does not find, although this shell does. */
export function notInside(here: readonly Finding[], inside: readonly string[]): Finding[] {
  const found = AGENT_PROGRAMS.filter(name =>
    here.some(({ check, message }) => check === CHECK && message.startsWith(`${name} `)),
  );
  const missing = found.filter(name => !inside.includes(name));
  if (missing.length === 0) return [];
  const message = `the supervisor does not find ${missing.join(', ')} in its own PATH; tasks find what the shell finds that hands them over`;
  return [{ check: `${CHECK} (supervisor)`, level: 'ok', message, fix: null }];
}

const notHere = (backend: string): Finding => ({
  check: CHECK,
  level: 'error',
  message: `the configuration names ${backend}, which is not on PATH`,
  fix: `Install it, or say where it is: agent: {backend: ${backend}, command: [/path/to/${backend}]}`,
});

/** Every session of it would end at once. */
function noStart({ no_start, ...agent }: StartedAgent, level: 'error' | 'warning'): Finding | null {
  if (no_start === null) return null;
  const args = agent.version === null ? undefined : testedOf(agent.name).start;
  const command = [agent.name, ...(args ?? ['--version'])].join(' ');
  return {
    ...{ check: CHECK, level, message: `${agentText(agent)} does not start: ${no_start}` },
    fix: `See what it says, as the user that rasen runs as: ${command}`,
  };
}

function tooOld({ name, version }: StartedAgent): Finding[] {
  if (version === null || standingOf(name, version) !== 'older') return [];
  const message = `${name} ${version} is older than any version that rasen is tested with (from ${testedOf(name).oldest})`;
  return [{ check: CHECK, level: 'warning', message, fix: `Update ${name}.` }];
}

function findingOf(agent: StartedAgent, env: NodeJS.ProcessEnv, secrets: string[]): Finding {
  const { name, login, version } = agent;
  const text = `${agentText(agent)} (${testedText(name, version!)})`;
  const { over_acp } = PROGRAMS[name];
  const acp = over_acp === undefined ? '' : `; for backend: acp, its command is ${over_acp}`;
  const warning = (message: string, fix: string): Finding => ({
    ...{ check: CHECK, level: 'warning', message: `${text}${message}`, fix },
  });
  const own = AGENT_LOGINS.filter(key => logsInWith(name, key));
  const secret = own.find(key => secrets.includes(key));
  if (login.state === 'in' || secret !== undefined)
    return ok(`${text}, logs in with ${login.state === 'in' ? login.by : `the secret ${secret}`}${acp}`);
  const here = own.find(key => env[key]);
  if (here !== undefined)
    return warning(
      `, without a login: ${here} is set here, and not handed to tasks unasked`,
      `Write in rasen.yml: pass_env: [${here}]; or, so that it is there after a reboot, too: secrets: {${here}: env:${here}}`,
    );
  if (login.state === 'unknown')
    return ok(`${text}; whether it is logged in is not known: ${login.why}${acp}`);
  return warning(', not logged in', `Log in: ${login.fix}`);
}

const ok = (message: string): Finding => ({ check: CHECK, level: 'ok', message, fix: null });

/** A configuration that cannot be read is told by `rasen config check` and `rasen run`. */
async function asked({ cwd, env, loadConfigBundle }: Place) {
  try {
    const bundle = await loadConfigBundle();
    const { settings } = bundle.loadConfig({ project: configFolder(cwd), env });
    // Those whose program the user wrote are not looked for.
    const named = bundle
      .agentsOf(settings)
      .filter(({ command, backend }) => command[0] === backend)
      .map(({ backend }) => backend);
    return {
      ...{ pass: settings.pass_env, set: settings.env },
      ...{ named: [...new Set(named)], secrets: Object.keys(settings.secrets) },
    };
  } catch {
    return { pass: [], set: {}, named: [], secrets: [] };
  }
}
