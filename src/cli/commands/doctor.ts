/** `rasen doctor`: what is wrong, or could go wrong, and how to mend it. */
import { EXIT, isRasenError } from '../../errors.ts';
import type { Finding } from '../../methods/daemon.doctor.ts';
import { VERSION } from '../../version.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { clientFindings } from '../doctor-checks.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Look for what is wrong with this installation, and tell how to mend it',
  details: [
    'It works without a supervisor, too. The exit status is 1 when there is an error; warnings do not count.',
  ],
  options: [...FORMAT],
  examples: [{ command: 'rasen doctor', about: '' }],
  async run(_call, context) {
    const { out, env, paths } = context;
    const service = await context.loadServiceBundle();
    const findings = [...(await clientFindings({ env, paths, service })), ...(await serverFindings(context))];
    out.reply({ version: VERSION, findings }, () => findings.map(line).join('\n'));
    return findings.some(f => f.level === 'error') ? EXIT.failed : EXIT.ok;
  },
});

async function serverFindings({ link, paths }: Context): Promise<Finding[]> {
  const check = 'supervisor';
  try {
    const { pid, version } = await link.call('daemon.status', {});
    const { findings } = await link.call('daemon.doctor', {});
    const here: Finding =
      version === VERSION
        ? { check, level: 'ok', message: `rasend ${version}, PID ${pid}`, fix: null }
        : {
            check,
            level: 'warning',
            message: `rasend ${version} (PID ${pid}) is another version than this rasen ${VERSION}`,
            fix: 'Restart the supervisor; tasks go on meanwhile.',
          };
    return [here, ...findings];
  } catch (error) {
    if (!isRasenError(error)) throw error;
    const away = error.kind === 'unreachable';
    const message = away ? `none answers on ${paths.socket}` : error.message;
    const fix = away ? '`rasen run` starts one.' : (error.hint ?? null);
    return [{ check, level: away ? 'warning' : 'error', message, fix }];
  }
}

function line({ check, level, message, fix }: Finding): string {
  return `${level.padEnd(7)}  ${check}: ${message}${fix && level !== 'ok' ? `\n         ${fix}` : ''}`;
}
