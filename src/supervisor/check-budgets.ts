/** Budgets of a task that cannot be counted, since the programs of its agents do not say what they use. */
import { agentOf } from '../agents/index.ts';
import { BUDGETS } from '../contract/budget.ts';
import { ROLES, type TaskSpec } from '../contract/spec.ts';

/** In words, one for each kind of budget and agent. */
export function uncounted(spec: TaskSpec): string[] {
  const agents = new Map(
    ROLES.filter(role => spec.agents[role]).map(role => [spec.agents[role]!.backend, agentOf(spec, role)]),
  );
  for (const coder of spec.relay?.agents ?? [])
    agents.set(coder.backend, agentOf({ ...spec, agents: { coder } }, 'coder'));
  const own = spec.plan?.subtasks.map(subtask => subtask.limits) ?? [];
  const money = BUDGETS.filter(name => name.includes('usd') && spec.limits[name] !== null);
  const tokens = BUDGETS.filter(name => name.includes('tokens') && spec.limits[name] !== null);
  const is_priced = money.length > 0 || own.some(limits => limits.usd !== null);
  const is_metered = tokens.length > 0 || own.some(limits => limits.tokens !== null);
  return [...agents].flatMap(([backend, agent]) => {
    const notes: string[] = [];
    if (is_priced && agent.says_cost === undefined)
      notes.push(`limits in dollars do not count sessions of ${backend}: it does not say what they cost`);
    if (is_priced && agent.says_cost === 'some')
      notes.push(`limits in dollars count sessions of ${backend} only where the program says what they cost`);
    if (is_metered && agent.open() === null)
      notes.push(
        `limits in tokens count sessions of ${backend} only when they end, and by what the agent writes into its result file`,
      );
    if (is_metered && agent.says_tokens_at_end_only)
      notes.push(`limits in tokens do not count sessions of ${backend} that are stopped before their end`);
    return notes;
  });
}
