/** The kind of value of `sandbox.network`: a word, or a list of hosts. */
import { HOST, NETWORK_WORDS, type SandboxSpec } from '../contract/sandbox.ts';
import { found } from './node.ts';
import { oneOf, type ValueType } from './types.ts';

const MAX_HOSTS = 200;
const WANTED = '"all", "none" or a list of hosts';

export const network = (): ValueType<SandboxSpec['network']> => {
  const word = oneOf(...NETWORK_WORDS);
  return {
    wanted: WANTED,
    schema: {
      anyOf: [
        word.schema,
        { type: 'array', items: { type: 'string', pattern: HOST.source }, minItems: 1, maxItems: MAX_HOSTS },
      ],
    },
    read(node, report) {
      if (node.kind !== 'list')
        return word.read(node, (at, message, ...more) =>
          report(at, message.replace(word.wanted, WANTED), ...more),
        );
      const hosts = node.items.map(item => {
        const text = item.kind === 'scalar' ? String(item.value ?? '') : '';
        if (HOST.test(text)) return text;
        report(
          item,
          `found ${found(item)}, wanted a host such as api.example.org, *.example.org or 127.0.0.1:8080`,
        );
        return undefined;
      });
      if (hosts.length === 0 || hosts.length > MAX_HOSTS) {
        report(node, `has ${hosts.length} hosts, wanted 1 to ${MAX_HOSTS}; for no network write none`);
        return undefined;
      }
      return hosts.includes(undefined) ? undefined : (hosts as string[]);
    },
  };
};
