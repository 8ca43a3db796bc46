/**
 * The prompt of each role by value: the file that the configuration names, else `.rasen/prompts/<role>.md` where it
 * exists, else the built-in text. Every template is checked, so that a wrong placeholder shows at once and not after
 * hours. The only file here that imports from agents/: its two files of pure text and text replacement.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DEFAULT_PROMPTS } from '../agents/default-prompts.ts';
import { checkPrompt } from '../agents/prompt.ts';
import { isRasenError } from '../contract/errors.ts';
import { ROLES, type Role } from '../contract/spec.ts';
import { roleKey } from './keys.ts';
import { shown } from './layers.ts';
import type { LateProblems, LoadedConfig } from './load.ts';
import type { Problem } from './problems.ts';
import { readText } from './read-text.ts';

export function loadPrompts(config: LoadedConfig, late: LateProblems): Record<Role, string> {
  const prompts = { ...DEFAULT_PROMPTS };
  for (const role of ROLES) {
    const path = promptPath(config, role);
    if (path === null) continue;
    const file = shown(config.project, path);
    const key = roleKey.prompt(role);
    if (!existsSync(path)) {
      late.at(key, `${file}: no such file`);
      continue;
    }
    const text = readText(path, late.in(file), 'problem');
    if (text === null) continue;
    try {
      checkPrompt(text, role, file);
      prompts[role] = text;
    } catch (error) {
      if (!isRasenError(error)) throw error;
      const [problem] = (error.data?.problems ?? []) as Problem[];
      late
        .in(file)
        .add(
          problem ?? { line: 1, column: 1 },
          '',
          problem?.message ?? 'the prompt is empty',
          problem?.suggestion,
        );
    }
  }
  return prompts;
}

/** A path is relative to the file that names it, as RASEN writes it, or else to the project. */
function promptPath(config: LoadedConfig, role: Role): string | null {
  const key = roleKey.prompt(role);
  const written = config.written.get(key);
  const value = config.settings[key];
  if (!written || value === null) {
    const own = join(config.project, '.rasen', 'prompts', `${role}.md`);
    return !written && existsSync(own) ? own : null;
  }
  const beside = resolve(config.project, dirname(written.file), value);
  return existsSync(beside) ? beside : resolve(config.project, value);
}

/** The prompts of the configuration with those in place of them; a wrong placeholder throws. */
export function withPrompts(
  config: LoadedConfig,
  own: Partial<Record<Role, string>> = {},
): Record<Role, string> {
  for (const role of ROLES)
    if (own[role] !== undefined) checkPrompt(own[role], role, `prompt of the ${role}`);
  return { ...config.prompts, ...own };
}
