/** What is true of every agent: how it is started, and that its reader can be fed anything. */
import { describe, expect, it } from 'vitest';
import type { AgentReport, AgentRequest } from '../../../src/agents/agent.ts';
import { AGENTS } from '../../../src/agents/index.ts';
import { OutputLines } from '../../../src/agents/output-lines.ts';
import { BACKENDS } from '../../../src/contract/backends.ts';
import { acpSessions } from '../../support/acp-recordings.ts';
import { recording } from '../../support/recordings.ts';

const ENDED = Date.parse('2026-11-21T02:00:00Z');

const request: AgentRequest = {
  role: 'coder',
  prompt: 'the prompt, "quoted" and long',
  result_file: '/run/rasen/results/t/nonce/result.json',
  task: '01kq0000000000000000000000',
  subtask: 'auth-4',
  attempt: 2,
  nonce: 'c0ffee',
  model: 'model-x',
  max_thinking_tokens: 4096,
  writable: ['/repo/.git', '/run/rasen/results/t/nonce'],
  cwd: '/work',
  resume: null,
  own_sandbox: true,
  budget_usd: null,
  help: null,
};

describe.each(BACKENDS)('%s', backend => {
  const agent = AGENTS[backend](['/opt/bin/agent', '--first']);
  const plan = agent.plan(request);

  it('starts the program that it is told, and says the same whenever it is asked', () => {
    expect(plan.argv.slice(0, 2)).toEqual(['/opt/bin/agent', '--first']);
    expect(agent.id).toBe(backend);
    expect(agent.plan(request)).toEqual(plan);
  });

  it('hands the prompt over on standard input: it is too long for an argument, and no business of `ps`', () => {
    expect(plan.prompt).toBe(request.prompt);
    expect(plan.argv.join(' ')).not.toContain(request.prompt);
  });

  it('tells the session what it is, and the model', () => {
    expect(plan.env).toMatchObject({
      RASEN_ROLE: 'coder',
      RASEN_RESULT_FILE: request.result_file,
      RASEN_SUBTASK: 'auth-4',
      RASEN_ATTEMPT_NUMBER: '2',
      RASEN_MODEL: 'model-x',
      MAX_THINKING_TOKENS: '4096',
    });
    expect(agent.plan({ ...request, model: null }).env).not.toHaveProperty('RASEN_MODEL');
  });
});

it.each(BACKENDS)('%s goes on with an earlier session where it can, and else never', backend => {
  const agent = AGENTS[backend](['agent']);
  const { argv, talk, ...rest } = agent.plan({ ...request, resume: 'the-session' });
  const forms = [argv, talk?.fallback ?? [], talk && talk.kind !== 'claude' ? [] : (talk?.argv ?? [])];
  const named = forms.filter(form => form.length > 0).map(form => form.includes('the-session'));
  // Over a protocol it is named in what is said, not on the command line.
  if (backend !== 'acp') expect(new Set(named)).toEqual(new Set([agent.resumes]));
  expect(talk?.resume ?? null).toBe(agent.resumes && talk ? 'the-session' : null);
  expect(JSON.stringify(rest)).not.toContain('the-session');
});

const STREAMS = ['claude', 'codex', 'codex-app-server', 'gemini', 'opencode', 'acp'] as const;

describe.each(STREAMS)('%s', stream => {
  const backend = stream === 'codex-app-server' ? 'codex' : stream;
  const agent = AGENTS[backend]([backend]);
  const recorded = stream === 'acp' ? acpSessions('claude-happy')['1a']! : recording(stream, 'a-happy').lines;
  const happy = recorded.filter(line => line !== '');
  const read = (lines: readonly string[], code = 0): AgentReport => {
    const conversation = agent.open()!;
    for (const line of lines) conversation.feed(line);
    return conversation.end({ code, ended_ms: ENDED });
  };

  it.skipIf(backend === 'acp')('gives the model as a flag, and no flag without a model', () => {
    const { argv } = agent.plan(request);
    expect(argv[argv.indexOf('--model') + 1]).toBe('model-x');
    expect(agent.plan({ ...request, model: null }).argv).not.toContain('--model');
  });

  // OpenCode keeps no command of the model's to folders.
  it.skipIf(backend === 'opencode')('is told every folder that has to be writable', () => {
    const { argv, talk } = agent.plan(request);
    for (const folder of request.writable)
      expect(`${argv.join(' ')} ${talk?.writable.join(' ')}`).toContain(folder);
  });

  it.skipIf(['codex', 'opencode', 'acp'].includes(backend))(
    'gives every attempt a session of its own',
    () => {
      const id = (nonce: string) => {
        const { argv } = agent.plan({ ...request, nonce });
        return argv[argv.indexOf('--session-id') + 1]!;
      };
      expect(id('c0ffee')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(id('c0ffee')).not.toBe(id('decaf'));
    },
  );

  it('ended without a word: failed, whatever the exit code', () => {
    for (const code of [0, 1, 137]) {
      const report = read([], code);
      expect([report.outcome, report.evidence, report.usage]).toEqual(['failed', 'exit', null]);
      expect(report.detail).toContain(`exit code ${code}`);
    }
  });

  it('its end event counts only with exit code 0', () => {
    expect(read(happy).outcome).toBe('ok');
    expect(read(happy, 1)).toMatchObject({ outcome: 'failed', evidence: 'exit' });
  });

  it('the last line is torn: the session was cut off', () => {
    const torn = [...happy.slice(0, -1), happy.at(-1)!.slice(0, 200).slice(0, -10)];
    expect(read(torn, 137)).toMatchObject({ outcome: 'failed', unreadable: 1 });
  });

  it('garbage between the lines changes nothing but the count of what could not be read', () => {
    const garbage = [
      '}',
      '{',
      '{"type":',
      '\u0000\u0001',
      '[1,2]',
      '{"type":7}',
      '{}',
      'null',
      '\ufffd{"type":"x"}',
    ];
    const report = read(happy.flatMap(line => [line, ...garbage]));
    expect({ ...report, unreadable: 0 }).toEqual(read(happy));
    expect(report.unreadable).toBe(4 * happy.length);
  });

  it('a line of 10 MB is dropped and counted, and the lines around it are read', () => {
    const conversation = agent.open()!;
    const lines = new OutputLines(line => conversation.feed(line));
    const long = `{"type":"user","x":"${'a'.repeat(10 * 1024 * 1024)}"}`;
    const bytes = Buffer.from([...happy.slice(0, -1), long, happy.at(-1)].join('\n'));
    for (let at = 0; at < bytes.length; at += 65_521) lines.push(bytes.subarray(at, at + 65_521));
    lines.end();
    expect(lines.dropped).toBe(1);
    expect(conversation.end({ code: 0, ended_ms: ENDED })).toEqual(read(happy));
  });

  const bait = [
    "You've hit your limit · resets 2:08am (UTC)",
    'API Error: Request rejected (429) · rate_limit_error',
    'You’ve hit your usage limit. try again at Nov 21st, 2026 2:17 AM.',
    '[API Error: You have exhausted your daily quota on this model.]',
    'Attempt 3 failed with status 429. Retrying with backoff...',
    'Error: 401 Unauthorized, invalid API key, not logged in',
    '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795226938}}',
    '{"type":"result","subtype":"success","is_error":false}',
    '{"type":"turn.failed","error":{"message":"exceeded retry limit, last status: 429"}}',
  ].join('\n');
  const TOLD = {
    claude: [
      {
        type: 'user',
        message: { role: 'user', content: [{ type: 'tool_result', content: bait }] },
        tool_use_result: { stdout: bait },
      },
      { type: 'assistant', message: { id: 'm1', content: [{ type: 'text', text: bait }] } },
    ],
    codex: [
      { type: 'item.completed', item: { type: 'command_execution', aggregated_output: bait, exit_code: 1 } },
      { type: 'item.completed', item: { type: 'agent_message', text: bait } },
    ],
    'codex-app-server': [
      {
        method: 'item/completed',
        params: { item: { type: 'commandExecution', id: 'c', aggregatedOutput: bait, exitCode: 1 } },
      },
      { method: 'item/completed', params: { item: { type: 'agentMessage', id: 'm', text: bait } } },
    ],
    opencode: [
      { type: 'tool_use', part: { tool: 'bash', callID: 'c', state: { status: 'completed', output: bait } } },
      { type: 'text', part: { type: 'text', text: bait } },
      { type: 'step_finish', part: { reason: 'tool-calls' } },
    ],
    acp: [
      {
        jsonrpc: '2.0',
        method: 'session/update',
        params: {
          update: { sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'failed', rawOutput: bait },
        },
      },
      {
        jsonrpc: '2.0',
        method: 'session/update',
        params: { update: { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: bait } } },
      },
    ],
    gemini: [
      { type: 'tool_result', status: 'error', output: bait },
      { type: 'message', role: 'assistant', content: bait, delta: true },
    ],
  } as const;

  it('what a tool printed or the model said is never evidence, even where it reads like a limit', () => {
    const told = TOLD[stream].map(event => JSON.stringify(event));
    expect(read([...happy.slice(0, -1), ...told, happy.at(-1)!])).toMatchObject({
      outcome: 'ok',
      retry_at: null,
    });
    expect(read([...happy.slice(0, -1), ...told], 1)).toMatchObject({ outcome: 'failed', evidence: 'exit' });
  });

  it('an event that it does not know is named and counted, and so are not ever more of them', () => {
    const news = ['{"type":"novelty"}', '{"type":"novelty"}', '{"type":"system","subtype":"novelty"}'];
    const report = read([...news, ...happy]);
    expect(report.outcome).toBe('ok');
    expect(report.unknown).toMatchObject({ novelty: 2 });
    const flood = Array.from({ length: 5000 }, (_, i) => `{"type":"n${i}"}`);
    const flooded = read([...flood, ...happy]).unknown;
    expect(Object.keys(flooded).length).toBeLessThan(40);
    expect(Object.values(flooded).reduce((a, b) => a + b, 0)).toBe(5000);
  });

  it('known events of a shape that makes no sense are taken as far as they go', () => {
    const types = happy.filter(line => line.startsWith('{')).map(line => JSON.parse(line));
    for (const nonsense of [null, 7, 'x', [], {}, [[null]], { usage: [] }]) {
      const events = types.map(({ type, subtype, ...rest }) => ({
        type,
        subtype,
        ...Object.fromEntries(Object.keys(rest).map(key => [key, nonsense])),
      }));
      const report = read(
        events.map(event => JSON.stringify(event)),
        1,
      );
      expect(report.outcome, JSON.stringify(nonsense)).not.toBe('ok');
      expect(JSON.stringify(report).length).toBeLessThan(5000);
    }
  });
});
