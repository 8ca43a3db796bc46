/**
 * The conversation with a program that speaks the Agent Client Protocol, over the protocol's own library. The library
 * answers in its own time, so what it says comes through `later`. Version 1 of the protocol has no way to say something
 * while a turn is open: a note is said when it is over, as one more prompt of the same session.
 *
 * - The agent is offered no files and no terminal of ours: it works with its own, in its cage.
 * - An agent that has a mode for full access is put there: the bridge for Codex makes git's folders read-only in every
 *   other one, and no commit would be made, without a word of it.
 * - A session is gone on with by `session/resume`, else by `session/load`, where the agent has one of them.
 */
import {
  type AnyMessage,
  client,
  type InitializeRequest,
  type InitializeResponse,
  methods,
  type NewSessionResponse,
  PROTOCOL_VERSION,
  type PromptRequest,
} from '@agentclientprotocol/sdk';
import { VERSION } from '../../version.ts';
import type { Talk } from '../agent.ts';
import { type Dialogue, type Later, readJson } from '../dialogue.ts';
import { number, object } from '../json.ts';
import { keptFailure } from '../opencode/error.ts';
import { keptUsage } from '../opencode/usage.ts';
import type { SessionLine } from '../session-lines.ts';
import { permit } from './permission.ts';

/** Modes in which nothing is held back. */
const FULL_ACCESS = ['agent-full-access'];
const MODELS_SHOWN = 10;

/** Some programs still have what the protocol had before its options of a session. */
type Opened = Partial<NewSessionResponse> & {
  models?: { currentModelId?: unknown; availableModels?: { modelId?: unknown }[] } | null;
};

/** Why there is no session; for people. */
class Unusable extends Error {}

/** @param tmpdir where the agent may write, besides the folders of the work. */
export function acpDialogue(talk: Talk, later: Later, tmpdir: string): Dialogue {
  let incoming!: ReadableStreamDefaultController<AnyMessage>;
  const readable = new ReadableStream<AnyMessage>({
    start: controller => {
      incoming = controller;
    },
  });
  const writable = new WritableStream<AnyMessage>({
    write: message => {
      const print = 'id' in message && 'method' in message ? [asks(message)] : [];
      later({ say: [JSON.stringify(message)], print, over: false });
    },
  });
  const grounds = { cwd: talk.cwd, folders: [...talk.writable, tmpdir] };
  const { agent } = client({ name: 'rasen' })
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      const { answer, refused } = permit(params, grounds);
      if (refused) later({ say: [], print: [{ type: 'rasen/refused', ...refused }], over: false });
      return answer;
    })
    .connect({ readable, writable });

  let session: string | null = null;
  /** Idle: its turn ended well, and another one can begin. */
  let state: 'opening' | 'working' | 'idle' | 'ended' = 'opening';

  const begun = Date.now();
  /** When the turn began whose end does not tell how it failed, or whether it did; in ms since 1970. */
  let unclear_since: number | null = null;

  const open = async ({ agentCapabilities, protocolVersion }: InitializeResponse): Promise<Opened> => {
    if (protocolVersion !== PROTOCOL_VERSION)
      throw new Unusable(
        `it speaks version ${protocolVersion} of the protocol; version ${PROTOCOL_VERSION} is known`,
      );
    const sessions = agentCapabilities?.sessionCapabilities;
    const more = sessions?.additionalDirectories ? { additionalDirectories: [...talk.writable] } : {};
    const where = { cwd: talk.cwd, mcpServers: [], ...more };
    if (talk.resume === null) return await agent.request(methods.agent.session.new, where);
    const known = { ...where, sessionId: talk.resume };
    const opened: Opened = sessions?.resume
      ? await agent.request(methods.agent.session.resume, known)
      : await agent.request(methods.agent.session.load, known);
    return { ...opened, sessionId: talk.resume };
  };

  const chooseModel = async (opened: Opened, sessionId: string): Promise<void> => {
    const { model } = talk;
    if (model === null) return;
    const option = opened.configOptions?.find(
      ({ category, type }) => category === 'model' && type === 'select',
    );
    if (option?.type === 'select') {
      if (option.currentValue === model) return;
      const offered = option.options
        .flatMap(one => ('options' in one ? one.options : [one]))
        .map(one => one.value);
      if (!offered.includes(model)) throw notOffered(model, offered);
      const choice = { sessionId, configId: option.id, value: model };
      await agent.request(methods.agent.session.setConfigOption, choice);
      return;
    }
    if (!opened.models) throw new Unusable(`it lets nobody choose a model, and ${model} is configured`);
    if (opened.models.currentModelId === model) return;
    await agent.request('session/set_model', { sessionId, modelId: model }).catch(() => {
      throw notOffered(model, opened.models?.availableModels?.map(({ modelId }) => modelId) ?? []);
    });
  };

  const prompt = async (text: string): Promise<void> => {
    state = 'working';
    unclear_since = Date.now();
    const turn: PromptRequest = { sessionId: session!, prompt: [{ type: 'text', text }] };
    const { stopReason } = await agent.request(methods.agent.session.prompt, turn);
    state = stopReason === 'end_turn' ? 'idle' : 'ended';
  };

  const converse = async (text: string): Promise<void> => {
    const about: InitializeRequest = {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: 'rasen', version: VERSION },
    };
    const initialized = await agent.request(methods.agent.initialize, about);
    const opened = await open(initialized);
    session = opened.sessionId!;
    later({ say: [], over: false, session });
    const full = opened.modes?.availableModes.find(({ id }) => FULL_ACCESS.includes(id));
    // Where it is refused, what is left uncommitted is seen by the gates.
    if (full && full.id !== opened.modes?.currentModeId)
      await agent
        .request(methods.agent.session.setMode, { sessionId: session, modeId: full.id })
        .catch(() => {});
    await chooseModel(opened, session);
    await prompt(text);
  };

  /** What an answer says is read from the agent's own lines; here only what nobody else says. */
  const finish = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      state = 'ended';
      if (error instanceof Unusable)
        later({ say: [], print: [{ type: 'rasen/not_started', reason: error.message }], over: false });
    }
    // Asked when its time has come: until then a note may have begun another turn.
    later({
      say: [],
      get over() {
        return state !== 'working';
      },
    });
  };

  return {
    begin: text => {
      void finish(converse(text));
      return [];
    },
    hear: line => {
      const message = readJson(line);
      // What it tells of its work is for the reader.
      if (message?.jsonrpc === '2.0' && message.method !== methods.client.session.update)
        incoming.enqueue(message as unknown as AnyMessage);
      // An older OpenCode calls a turn ended whose last request failed; it has counted nothing then.
      const result = object(message?.result);
      if (result?.stopReason !== undefined && number(object(result.usage)?.totalTokens) !== 0)
        unclear_since = null;
      return { say: [], over: false };
    },
    note: text => {
      if (state !== 'idle') return null;
      void finish(prompt(text));
      return [];
    },
    record: {
      session: () => session,
      read: printed => {
        const failure = unclear_since === null ? null : keptFailure(printed, unclear_since);
        const used = keptUsage(printed, begun);
        return [
          ...(failure ? [{ type: 'rasen/failed' as const, ...failure }] : []),
          ...(used ? [{ type: 'rasen/used' as const, ...used }] : []),
        ];
      },
    },
    interrupt: () => {
      if (state !== 'working') return [];
      const cancel = { jsonrpc: '2.0', method: methods.agent.session.cancel, params: { sessionId: session } };
      return [JSON.stringify(cancel)];
    },
  };
}

const asks = (message: { id: unknown; method: string }): SessionLine => ({
  type: 'rasen/asked',
  id: message.id as string | number,
  method: message.method,
});

function notOffered(model: string, offered: readonly unknown[]): Unusable {
  const some = offered.slice(0, MODELS_SHOWN).join(', ');
  const more = offered.length > MODELS_SHOWN ? ', …' : '';
  return new Unusable(`it does not offer the model ${model}, but ${some || 'none by name'}${more}`);
}
