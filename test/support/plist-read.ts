/** Reads a property list as launchd would, by Python's plistlib: a reader that is not ours. */
import { spawnSync } from 'node:child_process';

export type PlistValue = string | boolean | number | Other | PlistValue[] | { [key: string]: PlistValue };

/** Of a type that launchd.plist(5) has no key for: real, date or data. */
export class Other {
  readonly #type: string;

  constructor(type: string) {
    this.#type = type;
  }

  toString(): string {
    return this.#type;
  }
}

const READ = `
import datetime, json, plistlib, sys
def plain(v):
    if isinstance(v, dict): return {k: plain(x) for k, x in v.items()}
    if isinstance(v, list): return [plain(x) for x in v]
    if isinstance(v, float): return {'$other': 'real'}
    if isinstance(v, datetime.datetime): return {'$other': 'date'}
    if isinstance(v, bytes): return {'$other': 'data'}
    return v
try:
    json.dump(plain(plistlib.loads(sys.stdin.buffer.read())), sys.stdout)
except Exception as e:
    sys.exit(str(e) or type(e).__name__)
`;

export const hasPython = spawnSync('python3', ['-c', 'import plistlib']).status === 0;

/** Throws what the reader says when it is no property list. */
export function readPlist(text: string): PlistValue {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', READ], { input: text, encoding: 'utf8' });
  if (status !== 0) throw new Error(`no property list: ${stderr.trim()}`);
  return JSON.parse(stdout, (_key, value) => (value?.$other ? new Other(value.$other) : value));
}
