/** When a trigger of rasen.yml is due, as the supervisor takes it. */
import { type DefinitionDraft, defaultOverlap, definitionDraft } from '../contract/trigger.ts';
import { parseAt } from '../triggers/calendar.ts';
import type { TriggerSetting } from './trigger-type.ts';

export function triggerDraft(setting: TriggerSetting): {
  when: DefinitionDraft['when'];
  policy: DefinitionDraft['policy'];
} {
  const { overlap, catch_up, max_late, jitter, max_runs, pause_after, keep, notify, expect_within, tz } =
    setting;
  const zone = tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const until = setting.until === undefined ? undefined : timeIn(setting.until, zone);
  const when = whenOf(setting, zone);
  const said = {
    ...{ tz: zone, catch_up, until, max_runs, pause_after, keep, notify },
    overlap: overlap ?? defaultOverlap(when.kind),
    ...{ max_late_seconds: max_late, jitter_seconds: jitter, expect_within_seconds: expect_within },
  };
  const written = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { when, policy: definitionDraft.shape.policy.parse(written) };
}

const timeIn = (text: string, zone: string): string =>
  new Date(parseAt(text, zone, Date.now())!).toISOString();

function whenOf(setting: TriggerSetting, zone: string): DefinitionDraft['when'] {
  const { at, every, cron, watch, ignore, outputs, debounce } = setting;
  if (at !== undefined) return { kind: 'at', at: timeIn(at, zone) };
  if (every !== undefined) return { kind: 'every', every_seconds: every, from: null };
  if (cron !== undefined) return { kind: 'cron', cron };
  if (watch === undefined) return { kind: 'webhook' };
  const debounce_ms = debounce === undefined ? 500 : Math.round(debounce * 1000);
  return { kind: 'watch', patterns: watch, ignore: ignore ?? [], outputs: outputs ?? [], debounce_ms };
}
