/** Triggers of rasen.yml as the supervisor takes them. */
import { resolve } from 'node:path';
import type { TaskSpec } from '../contract/spec.ts';
import { type DefinitionDraft, defaultOverlap, definitionDraft } from '../contract/trigger.ts';
import { parseAt } from '../triggers/calendar.ts';
import type { LoadedConfig } from './load.ts';
import { noticesOf } from './notices-of.ts';
import { readPlanFile, readPlanText } from './plan-file.ts';
import { agentTaskSpec } from './spec-agent.ts';
import { commandTaskSpec, pipelineTaskSpec } from './spec-command.ts';
import type { TriggerSetting } from './trigger-type.ts';

export interface TriggerTask {
  id: string;
  name: string;
  setting: TriggerSetting;
  config: LoadedConfig;
}

/** What its runs do. `pass`: variables to hand over. Throws RasenError `config` or `usage`. */
export function triggerSpec({ id, name, setting, config }: TriggerTask): { spec: TaskSpec; pass: string[] } {
  const { run, file, goal } = setting.task;
  const { settings, root } = config;
  const pass = settings.pass_env;
  const notices = noticesOf(settings);
  if (run) return { spec: commandTaskSpec({ id, argv: run, cwd: root, name, notices }), pass };
  if (file === undefined) return { spec: agentTaskSpec({ id, name, goal: goal!, config, plan: null }), pass };
  const path = resolve(root, file);
  const { plan, defaults } = readPlanFile(file, readPlanText(path), { task: id, origin: 'file' });
  const spec = pipelineTaskSpec({ id, plan, defaults, cwd: root, file, name, notices });
  return { spec, pass: [...pass, ...defaults.pass_env] };
}

/** When it is due, and how. */
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
