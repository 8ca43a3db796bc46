/** `rasen doctor`: what is wrong, or could go wrong, and how to mend it. */
import { EXIT, isRasenError } from '../../contract/errors.ts';
import type { Finding } from '../../contract/methods/daemon.doctor.ts';
import { VERSION } from '../../version.ts';
import { notInside } from '../agent-findings.ts';
import { defineCommand, FORMAT } from '../command.ts';
import type { Context } from '../context.ts';
import { clientFindings } from '../doctor-checks.ts';
import type { Disk } from '../link.ts';
import { oneLine } from '../output.ts';
import { sourceOf } from '../source.ts';

const FINDING_CHARS = 2000;

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Look for what is wrong with this installation, and tell how to mend it',
  details: [
    'It tells apart what this shell sees and what the supervisor sees, or the disk where none runs. Agents are looked for as a task that is handed over here would find them, and once more from inside the supervisor; whether they are logged in is told without the network, from what they say themselves or from a variable or a file that is there. The exit status is 5 when there is an error; warnings do not count.',
  ],
  options: [...FORMAT],
  examples: [{ command: 'rasen doctor', about: '' }],
  async run(_call, context) {
    const { out, cwd, env, paths, loadConfigBundle } = context;
    const service = await context.loadServiceBundle();
    // What a supervisor has left gets a new one, which is looked at then.
    await context.link.adopt();
    const { mcpFindings } = await context.loadMcpBundle();
    const shell = [
      ...(await clientFindings({ cwd, env, paths, loadConfigBundle, service })),
      ...mcpFindings(env),
    ];
    const other = await otherFindings(context, shell);
    const findings: Seen[] = [...shell.map(one => ({ ...one, seen_by: 'shell' as const })), ...other];
    out.reply({ version: VERSION, source: sourceOf(context), findings }, () =>
      SECTIONS.flatMap(([by, heading]) => {
        const seen = findings.filter(({ seen_by }) => seen_by === by);
        return seen.length === 0 ? [] : [out.bold(heading), ...seen.map(line)];
      }).join('\n'),
    );
    return findings.some(f => f.level === 'error') ? EXIT.refused : EXIT.ok;
  },
});

/** Two programs can see another PATH, home and login: who saw it is part of what is told. */
type Seen = Finding & { seen_by: 'shell' | 'supervisor' | 'disk' };

const SECTIONS: readonly [Seen['seen_by'], string][] = [
  ['shell', 'As this shell sees it:'],
  ['supervisor', 'As the supervisor sees it:'],
  ['disk', 'As the disk has it (no supervisor runs):'],
];

async function otherFindings(context: Context, shell: readonly Finding[]): Promise<Seen[]> {
  const { link, paths } = context;
  const check = 'supervisor';
  const by = (seen_by: Seen['seen_by'], findings: readonly Finding[]): Seen[] =>
    findings.map(one => ({ ...one, seen_by }));
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
    const missed = agents === undefined ? [] : notInside(shell, agents);
    return by('supervisor', [here, ...findings, ...missed]);
  } catch (error) {
    if (!isRasenError(error)) throw error;
    const away = error.kind === 'unreachable';
    const message = away ? `none answers on ${paths.socket}` : error.message;
    const fix = away
      ? 'Nothing runs, so none is needed. The next command that needs one starts it.'
      : (error.hint ?? null);
    const told = by('shell', [{ check, level: away ? 'ok' : 'error', message, fix }]);
    return away ? [...told, ...by('disk', await link.fromDisk(disk => stored(disk)))] : told;
  }
}

/** What is wrong with the files of tasks. */
async function stored(disk: Disk): Promise<Finding[]> {
  return (await disk.call('daemon.doctor', {})).findings;
}

/** Names of files and words of programs are in them: one line each, whatever is in those. */
function line({ check, level, message, fix }: Finding): string {
  const told = `${level.padEnd(7)}  ${check}: ${oneLine(words(message), FINDING_CHARS)}`;
  return fix && level !== 'ok' ? `${told}\n         ${oneLine(words(fix), FINDING_CHARS)}` : told;
}

const words = (text: string) => text.replace(/\s+/g, ' ');
