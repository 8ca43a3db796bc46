/** What every gate answers. Gates judge a named commit; they change nothing and never take an agent's word for it. */

export interface Finding {
  /** Stable name of the rule: `protected`, `test_deleted`, `secret`, … */
  kind: string;
  path: string | null;
  /** From 1; null where the finding is about the whole file. */
  line: number | null;
  /** For people; never the secret itself. */
  text: string;
}

export interface GateResult {
  /** `clean`, `diff` or the name of a run gate. */
  gate: string;
  passed: boolean;
  /** One sentence; null when passed. */
  reason: string | null;
  /** At most 100. */
  findings: Finding[];
  /** A person must look: the task becomes blocked(review). Otherwise the next attempt is told. */
  needs_person: boolean;
}

export const MAX_FINDINGS = 100;
export const MAX_FINDING_CHARACTERS = 300;

/** The result from its findings: none is a pass. */
export function resultOf(
  gate: string,
  found: readonly Finding[],
  answer: { reason: string; needs_person: boolean },
): GateResult {
  const findings = found.slice(0, MAX_FINDINGS).map(finding => ({
    ...finding,
    text: finding.text.slice(0, MAX_FINDING_CHARACTERS),
  }));
  const passed = found.length === 0;
  return {
    gate,
    passed,
    reason: passed ? null : answer.reason,
    findings,
    needs_person: !passed && answer.needs_person,
  };
}
