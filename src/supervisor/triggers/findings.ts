/** What `rasen doctor` says of triggers. */
import type { Finding } from '../../contract/methods/daemon.doctor.ts';
import type { Triggers } from './triggers.ts';

const check = 'triggers';

export function triggerFindings(triggers: Pick<Triggers, 'all' | 'watching' | 'damage'>): Finding[] {
  const findings: Finding[] = triggers.damage.map(({ trigger, message, moved_to }) => ({
    check,
    level: 'error',
    message: `trigger ${trigger} cannot be used: ${message}${moved_to ? `; it is in ${moved_to}` : ''}`,
    fix: 'Make it again, with `rasen run` or `rasen trigger apply`; nothing of it is started.',
  }));
  for (const { id, status, reason, paused_by, definition } of triggers.all()) {
    const { name } = definition;
    const polling = triggers.watching(id)?.polling ?? null;
    if (polling !== null)
      findings.push({
        check,
        level: 'warning',
        message: `trigger ${name} looks through its files once a second: ${polling}`,
        fix: 'Let the system watch more files (Linux: sysctl fs.inotify.max_user_watches), then: rasen service restart',
      });
    if (status === 'paused' && paused_by !== 'user')
      findings.push({
        check,
        level: 'warning',
        message: `trigger ${name} has paused itself: ${reason}`,
        fix: `See what failed: rasen trigger log ${name}; then: rasen trigger resume ${name}`,
      });
  }
  const active = triggers.all().filter(({ status }) => status === 'active').length;
  if (active > 0) findings.push({ check, level: 'ok', message: `${active} active`, fix: null });
  return findings;
}
