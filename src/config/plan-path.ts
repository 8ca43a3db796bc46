/** The kind of an entry of `files` and `tests`: what is no path could mean more than its writer thought of. */
import { pathProblem } from '../util/plain-path.ts';
import { text, type ValueType } from './types.ts';

const any = text(4096, 'a path');

export const planPath: ValueType<string> = {
  wanted: any.wanted,
  schema: any.schema,
  read(node, report) {
    const path = any.read(node, report);
    const wrong = path === undefined ? null : pathProblem(path);
    if (wrong !== null) report(node, `${JSON.stringify(path!.slice(0, 80))} ${wrong}`);
    return wrong === null ? path : undefined;
  },
};
