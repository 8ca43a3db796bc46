/** What `rasen doctor` says of the configuration that counts in this folder: that of the project and that of the user. */
import { isRasenError } from '../contract/errors.ts';
import type { Finding } from '../contract/methods/daemon.doctor.ts';
import { configFolder } from '../submit/config-folder.ts';
import { LINKED_FIX, LINKED_RISK } from '../submit/linked-risk.ts';
import type { Context } from './context.ts';

const check = 'configuration';

const linked: Finding = {
  check: 'isolation',
  level: 'warning',
  message: LINKED_RISK,
  fix: LINKED_FIX,
};

export async function configFindings(
  context: Pick<Context, 'cwd' | 'env' | 'loadConfigBundle'>,
): Promise<Finding[]> {
  const { cwd, env, loadConfigBundle } = context;
  const bundle = await loadConfigBundle();
  try {
    const { files, settings } = bundle.loadConfig({ project: configFolder(cwd), env });
    const { notify } = bundle.noticesOf(settings);
    const channels = (['command', 'webhook', 'desktop'] as const).filter(name => notify?.[name]);
    const told = channels.length > 0 ? `notices by ${channels.join(', ')}` : 'notices: none (notify)';
    const from = files.length > 0 ? files.join(', ') : 'no file, all defaults';
    const isLinked = settings['worktree.isolation'] === 'linked';
    return [
      { check, level: 'ok', message: `${from}; ${told}`, fix: null },
      ...(settings['worktree.enabled'] && isLinked ? [linked] : []),
    ];
  } catch (error) {
    if (!isRasenError(error) || error.kind !== 'config') throw error;
    const fix = 'Correct it; tasks are not started here before. All problems: rasen config check';
    return [{ check, level: 'error', message: error.message, fix }];
  }
}
