/**
 * The logrotate file that is shipped, run by the real logrotate on the log of a real rasend (`log: file`) that is busy
 * writing: every line that a client knows of is in the files, once. The streams alone are tested in
 * test/unit/service/runtime/log-file.test.ts, the journal and the units' own `reload` by booted machines.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Instance, tick, until } from '../support/instance.ts';

const SHIPPED = join(import.meta.dirname, '../../packaging/logrotate');
const LOGROTATE = ['/usr/sbin/logrotate', '/usr/bin/logrotate'].find(path => existsSync(path));
const ROTATIONS = 10;
const CLIENTS = 4;
/** Lines between two rotations, at least. */
const LINES = 40;

let instance: Instance;
/** HOME of the user whose log it is; rasend's state is where his is. */
let home: string;
let log: string;
let tools: string;

beforeEach(() => {
  instance = new Instance();
  home = join(instance.folder, 'user');
  const state = join(home, '.local/state');
  mkdirSync(state, { recursive: true });
  // The instance is at the default place, by its other name.
  spawnSync('ln', ['-s', instance.home, join(state, 'rasen')]);
  mkdirSync(instance.home, { mode: 0o700 });
  writeFileSync(join(instance.home, 'rasend.yml'), 'log: file\n');
  log = join(state, 'rasen', 'rasend.log');
  tools = join(instance.folder, 'tools');
  mkdirSync(tools);
  program(
    'systemctl',
    `echo "$*" >> '${tools}/calls'
case " $* " in
  *' is-active '*) [ -e '${instance.home}/run/rasend.pid' ] ;;
  *' reload '*) kill -HUP "$(cat '${instance.home}/run/rasend.pid')" ;;
esac`,
  );
});

afterEach(() => instance.close());

function program(name: string, text: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(tools, name), 0o755);
}

/** `logrotate --force` with the shipped file; throws what it complains of. */
async function rotate(configuration: string): Promise<void> {
  const child = spawn(LOGROTATE!, ['--force', '--state', join(tools, 'state'), configuration], {
    env: { HOME: home, PATH: `${tools}:/usr/bin:/bin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      said += text;
    });
  const status = await new Promise(resolve => child.once('close', resolve));
  expect({ status, said }).toEqual({ status: 0, said: '' });
}

/**
 * One line in the log for each number: a hello that asks for protocol 1000 to `number` is refused and logged, in this
 * order, before the client hears of it. False when the connection broke before that.
 */
function writeLine(number: number): Promise<boolean> {
  return new Promise(resolve => {
    let answer = '';
    const socket = connect(instance.socket);
    socket.setEncoding('utf8').on('data', text => {
      answer += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer.includes(`to ${number}.`)));
    const params = { protocol: { min: 1000, max: number }, client: { name: 'test', version: '1' } };
    socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'rasen.hello', params })}\n`);
  });
}

/** Clients that make the supervisor log as fast as it can. */
class Load {
  readonly known = new Set<number>();
  /** Sent without an answer, because the supervisor was killed: may be in the log. */
  readonly unknown = new Set<number>();
  #next = 1000;
  #on = true;
  readonly #ended = Promise.all(Array.from({ length: CLIENTS }, () => this.#client()));

  async #client(): Promise<void> {
    while (this.#on) {
      const number = ++this.#next;
      if (await writeLine(number)) this.known.add(number);
      else {
        this.unknown.add(number);
        await tick();
      }
    }
  }

  async more(): Promise<void> {
    const { size } = this.known;
    await until('the supervisor logs', () => this.known.size >= size + LINES);
  }

  async end(): Promise<void> {
    this.#on = false;
    await this.#ended;
  }
}

const files = () => readdirSync(instance.home).filter(name => name.startsWith('rasend.log'));

/** The numbers of all lines; a line that was cut or mixed with another is no JSON and throws. */
function numbersInFiles(): number[] {
  return files().flatMap(name => {
    const bytes = readFileSync(join(instance.home, name));
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    expect(text === '' || text.endsWith('\n'), name).toBe(true);
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => /the client 1000 to (\d+)/.exec(JSON.parse(line).reason ?? '')?.[1])
      .filter(number => number !== undefined)
      .map(Number);
  });
}

function checkLines(load: Load): void {
  const found = numbersInFiles();
  expect(found.length, 'none twice').toBe(new Set(found).size);
  const lines = new Set(found);
  expect(
    [...load.known].filter(number => !lines.has(number)),
    'lines lost',
  ).toEqual([]);
  expect(found.filter(number => !load.known.has(number) && !load.unknown.has(number))).toEqual([]);
  expect(load.known.size).toBeGreaterThanOrEqual(ROTATIONS * LINES);
}

/** All rotations are kept: losing the eighth is what `rotate 7` is for. */
function shipped(name: string, place: (text: string) => string = text => text): string {
  const text = place(readFileSync(join(SHIPPED, name), 'utf8')).replace(
    'rotate 7',
    `rotate ${ROTATIONS + 1}`,
  );
  const path = join(tools, name);
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

const skip = LOGROTATE === undefined || process.platform !== 'linux';

describe.skipIf(skip)('the log, while logrotate works on it (needs logrotate)', () => {
  test('has every line once: ten rotations under load, rasend killed in the middle', async () => {
    await instance.start();
    const load = new Load();
    const configuration = shipped('rasend-user.conf');
    for (let n = 1; n <= ROTATIONS; n++) {
      await load.more();
      if (n === ROTATIONS / 2) {
        await instance.kill('SIGKILL');
        // Its pid file stays and means nobody now; the service manager would know.
        spawnSync('rm', [join(instance.home, 'run/rasend.pid')]);
        await rotate(configuration);
        await instance.start();
        continue;
      }
      const rotated = statSync(log).ino;
      await rotate(configuration);
      expect(statSync(log).ino).not.toBe(rotated);
    }
    await load.more();
    await load.end();
    checkLines(load);

    expect(files().sort()).toEqual(
      ['', '.1', ...Array.from({ length: ROTATIONS - 1 }, (_, n) => `.${n + 2}.gz`)]
        .map(end => `rasend.log${end}`)
        .sort(),
    );
    for (const name of files()) expect(statSync(join(instance.home, name)).mode & 0o777, name).toBe(0o600);
    // What came after the last rotation is in the new file, so rasend has left the old one.
    expect(readFileSync(log, 'utf8')).toContain('the client 1000 to');
    const calls = new Set(readFileSync(join(tools, 'calls'), 'utf8').trim().split('\n'));
    expect([...calls].sort()).toEqual([
      '--user is-active --quiet rasend.service',
      '--user reload rasend.service',
    ]);
  });

  test.skipIf(process.getuid!() !== 0)('of another user is rotated as that user (needs root)', async () => {
    // logrotate goes there as the user; the state of this instance is not open to him.
    const { uid, gid } = { uid: 65534, gid: 65534 };
    const theirs = join(instance.folder, 'theirs');
    const state = join(theirs, '.local/state/rasen');
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, 'rasend.log'), 'a line\n', { mode: 0o600 });
    spawnSync('chown', ['-R', `${uid}:${gid}`, theirs]);
    chmodSync(state, 0o700);
    chmodSync(instance.folder, 0o711);
    const name = (file: string, id: number) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .find(line => line.split(':')[2] === String(id))!
        .split(':')[0]!;
    const [user, group] = [name('/etc/passwd', uid), name('/etc/group', gid)];
    const configuration = shipped('rasend-system.conf', text =>
      text.replaceAll('@USER@', user).replaceAll('@GROUP@', group).replaceAll('@HOME@', theirs),
    );
    await instance.start();
    await rotate(configuration);
    expect(readFileSync(join(state, 'rasend.log.1'), 'utf8')).toBe('a line\n');
    for (const file of ['rasend.log', 'rasend.log.1'])
      expect(statSync(join(state, file))).toMatchObject({ uid, gid });
    expect(statSync(join(state, 'rasend.log')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(tools, 'calls'), 'utf8').trim().split('\n')).toEqual([
      `is-active --quiet rasend@${user}.service`,
      `reload rasend@${user}.service`,
    ]);
  });
});
