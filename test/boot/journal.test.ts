/**
 * The supervisor's log is in the journal: every line, once, with its priority, also across SIGKILL, while tasks print
 * without limit. What tasks print is not in it: journald limits the lines of a user as a whole, and a noisy task would
 * silence the supervisor.
 */
import { describe, expect } from 'vitest';
import { until } from './host.ts';
import { Rasen } from './rasen.ts';
import { bootTest, newMachine, versionOf } from './rig.ts';

const LINES = 60;
const KILL_EVERY = 20;
const NOISE = "seq -f 'noise of a task %.0f' 200000";

/** A setting that is wrong in a way of its own, so that each reload says one line that no other says. */
const RELOADS = `set -e
mkdir -p ~/.config/rasen
said() { journalctl --user -u rasend --no-pager -q -o cat -g "wrong-$1[^0-9]" | grep -q .; }
for n in $(seq ${LINES}); do
  echo "log_level: wrong-$n" >~/.config/rasen/rasend.yml
  systemctl --user reload rasend.service
  tries=0
  until said "$n"; do
    tries=$((tries + 1))
    [ "$tries" -lt 2000 ] || { echo "no line for $n"; exit 1; }
    sleep 0.02
  done
  if [ $((n % ${KILL_EVERY})) -eq 0 ]; then
    rm ~/.config/rasen/rasend.yml
    systemctl --user kill --signal=KILL --kill-who=main rasend.service
    rasen list >/dev/null
    # It answers a moment before the manager has heard that it is ready; a reload until then is a part of the start to it.
    until systemctl --user -q is-active rasend.service; do sleep 0.02; done
  fi
done`;

for (const system of ['host', 'small'] as const)
  describe(`systemd of ${system}`, () => {
    bootTest(system)(`${LINES} lines in, ${LINES} lines out, and none of a task`, async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      for (const name of ['noise-1', 'noise-2'])
        await alice.rasen(
          'run',
          '--background',
          '--name',
          name,
          '--',
          'sh',
          '-c',
          `while :; do ${NOISE}; done`,
        );
      await alice.ok(RELOADS, { timeout_ms: 600_000 });
      const entries = (await alice.machine.journal(['-o', 'json', 'SYSLOG_IDENTIFIER=rasend']))
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as Record<string, string>);
      const numbers = entries
        .flatMap(({ MESSAGE }) => /wrong-(\d+)/.exec(MESSAGE ?? '')?.[1] ?? [])
        .map(Number);
      console.log(`systemd ${versionOf(system)}, journal: ${LINES} lines in, ${numbers.length} out`);
      expect(numbers).toEqual(Array.from({ length: LINES }, (_, n) => n + 1));
      const wrong = entries.filter(({ MESSAGE }) => /wrong-/.test(MESSAGE ?? ''));
      expect(
        wrong.every(({ PRIORITY }) => PRIORITY === '3'),
        'errors by their priority',
      ).toBe(true);
      expect(await alice.machine.journal(['-g', 'noise of a task'])).toBe('');
      await alice.rasen('cancel', 'noise-1', '--force');
      await alice.rasen('cancel', 'noise-2', '--force');
    });

    bootTest(system)('what is said about a task is found by its id', async () => {
      const alice = new Rasen(await newMachine({ system }));
      await alice.install();
      const { id } = JSON.parse(await alice.rasen('run', '--background', '--json', '--', 'true')) as {
        id: string;
      };
      expect((await alice.over(id)).status).toBe('completed');
      await alice.systemctl('stop', 'rasend.socket', 'rasend.service');
      await alice.ok(`printf x | dd conv=notrunc status=none of=.local/state/rasen/tasks/${id}/events.jsonl`);
      await alice.systemctl('start', 'rasend.socket', 'rasend.service');
      await alice.rasen('list');
      const entries = async (...match: string[]) =>
        (await alice.machine.journal(['-o', 'json', 'SYSLOG_IDENTIFIER=rasend', ...match]))
          .split('\n')
          .filter(line => line !== '')
          .map(line => JSON.parse(line) as Record<string, string>);
      const about = await until('the damage is told', async () => {
        const found = (await entries()).filter(({ MESSAGE }) => MESSAGE?.includes(id));
        return found.some(({ MESSAGE }) => MESSAGE!.includes('cannot be used')) ? found : null;
      });
      // Beside what became of it before, which is no error.
      expect(about.filter(({ PRIORITY }) => PRIORITY === '3')).toHaveLength(1);
      expect(about.find(({ PRIORITY }) => PRIORITY === '3')!.MESSAGE).toContain('cannot be used');
      // Below 253 lines go to the journal over standard error, which has a priority and no fields.
      if (versionOf(system) < 253) return;
      const found = await entries(`RASEN_TASK=${id}`);
      expect(found.map(({ MESSAGE }) => MESSAGE)).toEqual(about.map(({ MESSAGE }) => MESSAGE));
    });
  });
