/** The protocol of OpenAI's chat completions, as far as OpenCode speaks it: the fourth of the model server. */
import type { Tokens, Turn } from './model-server.ts';

type Chunk = { data: unknown };

/** It has a model think of titles, without tools. */
const isAside = (body: any): boolean => !Array.isArray(body.tools) || body.tools.length === 0;
const BEYOND = 1000;

export const chat = {
  path: /\/chat\/completions$/,
  /** A request that is no part of the session comes after all of its turns. */
  results: (body: any): number =>
    isAside(body) ? BEYOND : body.messages.filter((message: any) => message.role === 'tool').length,
  answer: (turn: Turn, body: any, { input, cached, output }: Tokens): Chunk[] => {
    const { say, shell, write, tool }: Turn = isAside(body) ? { say: 'A title' } : turn;
    const call = tool
      ? { name: tool.name, arguments: JSON.stringify(tool.input) }
      : write
        ? { name: 'write', arguments: JSON.stringify({ filePath: write.path, content: write.text }) }
        : { name: 'bash', arguments: JSON.stringify({ command: shell, description: 'scripted' }) };
    const tools =
      shell || write || tool
        ? [{ index: 0, id: `call_${Date.now()}`, type: 'function', function: call }]
        : [];
    const delta = { role: 'assistant', content: say, ...(tools.length > 0 ? { tool_calls: tools } : {}) };
    const id = `chatcmpl-${Date.now()}`;
    const whole = { id, object: 'chat.completion.chunk', created: 1, model: body.model };
    const usage = {
      prompt_tokens: input,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens: output,
      total_tokens: input + output,
    };
    return [
      { data: { ...whole, choices: [{ index: 0, delta, finish_reason: null }] } },
      {
        data: {
          ...whole,
          choices: [{ index: 0, delta: {}, finish_reason: tools.length > 0 ? 'tool_calls' : 'stop' }],
        },
      },
      { data: { ...whole, choices: [], usage } },
    ];
  },
};
