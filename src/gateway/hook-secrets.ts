/**
 * Which triggers may be called from outside, and how a delivery proves that it comes from who knows the secret. The
 * secrets are kept as they are, mode 0600: a signature cannot be checked with a hash of them.
 */
import * as z from 'zod';
import { RasenError } from '../contract/errors.ts';
import { newSecret, StateFile } from './state.ts';

export const HOOK_KINDS = ['standard', 'github', 'gitlab'] as const;
export type HookKind = (typeof HOOK_KINDS)[number];

const HOOKS_MAX = 200;

const hookRow = z.object({
  trigger: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  kind: z.enum(HOOK_KINDS),
  secret: z.string().min(16).max(200),
  /** Only deliveries of these events; empty: of all. */
  events: z.array(z.string().max(100)).max(50),
  /** Path in the payload (`ref`, `repository.full_name`) and the value that it must have. */
  filters: z.array(z.object({ path: z.string().max(200), value: z.string().max(500) })).max(20),
  created_at: z.string(),
});
export type Hook = z.infer<typeof hookRow>;
export type HookInfo = Omit<Hook, 'secret'>;

const hookFile = z.object({ version: z.literal(1), hooks: z.array(hookRow).max(HOOKS_MAX) });

export class HookSecrets {
  readonly #file: StateFile<typeof hookFile>;

  constructor(path: string) {
    this.#file = new StateFile(path, hookFile, { version: 1, hooks: [] });
  }

  list(): HookInfo[] {
    return this.#file.read().hooks.map(({ secret: _, ...info }) => info);
  }

  get(trigger: string): Hook | null {
    return this.#file.read().hooks.find(hook => hook.trigger === trigger) ?? null;
  }

  /** In place of the one of before. Gives the secret, for the sender. Throws `usage` for a name that is none. */
  set({ secret, ...asked }: Omit<HookInfo, 'created_at'> & { secret?: string | undefined }): string {
    // Standard Webhooks: the bytes behind the prefix in base64.
    const made =
      secret ??
      (asked.kind === 'standard' ? `whsec_${Buffer.from(newSecret()).toString('base64')}` : newSecret());
    const found = hookRow.safeParse({ ...asked, secret: made, created_at: new Date().toISOString() });
    if (!found.success) {
      const { path, message } = found.error.issues[0]!;
      throw new RasenError('usage', `Not a hook: ${path.join('.')}: ${message}`);
    }
    const others = this.#file.read().hooks.filter(hook => hook.trigger !== asked.trigger);
    if (others.length >= HOOKS_MAX) throw new RasenError('usage', `There are ${HOOKS_MAX} hooks already.`);
    this.#file.write({ version: 1, hooks: [...others, found.data] });
    return made;
  }

  remove(trigger: string): void {
    const { hooks } = this.#file.read();
    if (!hooks.some(hook => hook.trigger === trigger))
      throw new RasenError('usage', `Trigger ${trigger} has no hook.`, {
        hint: 'rasen hook list shows which have.',
      });
    this.#file.write({ version: 1, hooks: hooks.filter(hook => hook.trigger !== trigger) });
  }
}
