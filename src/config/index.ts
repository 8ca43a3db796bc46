/**
 * The configuration side of rasen: user's files to complete task specs, by value. Loaded lazily by the command line as
 * a bundle of its own; everything it offers is listed here.
 */
export { DEFAULT_PROMPTS, PLAN_EXAMPLE } from '../agents/default-prompts.ts';
export { checkPrompt, fillPrompt, PLACEHOLDERS, ROLE_PLACEHOLDERS } from '../agents/prompt.ts';
export { parseDuration, parseSize } from '../util/units.ts';
export { agentsOf } from './agent-choice.ts';
export { defaultConfigYaml, type ProjectFacts, projectFacts } from './default-config.ts';
export { type Detected, detectCommands } from './detect.ts';
export { writtenSecret } from './env-types.ts';
export { importFile } from './import/import-file.ts';
export type { Imported } from './import/imported.ts';
export { CONFIG_KEYS, type ConfigKey, type Settings } from './keys.ts';
export { ENV_KEYS, USER_SECTIONS } from './layers.ts';
export { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts';
export { noticesOf, notifyOf } from './notices-of.ts';
export type { LoadedPlan, PlanDefaults, PlanFileOptions } from './plan-draft.ts';
export { PLAN_BYTES_MAX, planTextOf, readPlanFile, readPlanText } from './plan-file.ts';
export type { Problem } from './problems.ts';
export { configSchemaJson, planSchemaJson } from './schema.ts';
export { slugOf } from './slug.ts';
export { type AgentTask, agentTaskSpec } from './spec-agent.ts';
export { checkedSpec } from './spec-check.ts';
export { specWithout } from './spec-without.ts';
export { triggerDraft } from './trigger-spec.ts';
export type { TriggerSetting } from './trigger-type.ts';
