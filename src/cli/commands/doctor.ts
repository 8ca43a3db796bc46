/** `rasen doctor`: what is wrong, or could go wrong, and how to mend it. */
import { EXIT, isRasenError } from '../../errors.ts';
import type { Finding } from '../../methods/daemon.doctor.ts';
import { VERSION } from '../../version.ts';
import { notInside } from '../agent-findings.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { clientFindings } from '../doctor-checks.ts';
import { oneLine } from '../output.ts';

const FINDING_CHARS = 2000;

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Look for what is wrong with this installation, and tell how to mend it',
  details: [
    'It works without a supervisor, too. Agents are looked for as a task that is handed over here would find them, and once more from inside the supervisor; whether they are logged in is told without the network, from what they say themselves or from a variable or a file that is there. The exit status is 5 when there is an error; warnings do not count.',
  ],
  options: [...FORMAT],
  examples: [{ command: 'rasen doctor', about: '' }],
  async run(_call, context) {
    const { out, cwd, env, paths, loadConfigBundle } = context;
    const service = await context.loadServiceBundle();
    const here = await clientFindings({ cwd, env, paths, loadConfigBundle, service });
    const findings = [...here, ...(await serverFindings(context, here))];
    out.reply({ version: VERSION, findings }, () => findings.map(line).join('\n'));
    return findings.some(f => f.level === 'error') ? EXIT.refused : EXIT.ok;
  },
});

async function serverFindings({ link, paths }: Context, outside: readonly Finding[]): Promise<Finding[]> {
  const check = 'supervisor';
  try {
    const { pid, version } = await link.call('daemon.status', {});
    const { findings, agents } = await link.call('daemon.doctor', {});
    const here: Finding =
      version === VERSION
        ? { check, level: 'ok', message: `rasend ${version}, PID ${pid}`, fix: null }
        : {
            check,
            level: 'warning',
            message: `rasend ${version} (PID ${pid}) is another version than this rasen ${VERSION}`,
            fix: 'Restart the supervisor; tasks go on meanwhile.',
          };
    return [here, ...findings, ...(agents === undefined ? [] : notInside(outside, agents))];
  } catch (error) {
    if (!isRasenError(error)) throw error;
    const away = error.kind === 'unreachable';
    const message = away ? `none answers on ${paths.socket}` : error.message;
    const fix = away ? '`rasen run` starts one.' : (error.hint ?? null);
    return [{ check, level: away ? 'warning' : 'error', message, fix }];
  }
}

/** Names of files and words of programs are in them: one line each, whatever is in those. */
function line({ check, level, message, fix }: Finding): string {
  const told = `${level.padEnd(7)}  ${check}: ${oneLine(words(message), FINDING_CHARS)}`;
  return fix && level !== 'ok' ? `${told}\n         ${oneLine(words(fix), FINDING_CHARS)}` : told;
}

const words = (text: string) => text.replace(/\s+/g, ' ');
