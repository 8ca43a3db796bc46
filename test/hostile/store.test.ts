/**
 * The state under attack: keys of tasks that cannot be read any more, journals cut at a line end or changed while the
 * supervisor works, special files in place of every file that it reads, and a state folder that goes away.
 */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isRasenError } from '../../src/contract/errors.ts';
import type { TaskView } from '../../src/contract/view.ts';
import { seal, unseal } from '../../src/store/file/seal.ts';
import { commandSpec, Instance, marked, until } from '../support/instance.ts';
import { onThisMachine } from '../support/load.ts';
import { LONG } from '../support/long.ts';

let rig: Instance;
beforeEach(() => {
  rig = new Instance();
});
afterEach(() => rig.close({ leftovers: 'kill' }));

const sh = (script: string, ...args: string[]) => {
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};
const folderOf = (id: string) => join(rig.home, 'tasks', id);
const witness = (name: string) => join(rig.folder, `ran-${name}`);
const times = (name: string) =>
  existsSync(witness(name)) ? readFileSync(witness(name), 'utf8').trim().split('\n').length : 0;
const list = () => rig.call<TaskView[]>('task.list', { limit: 1000 });
const settings = (text: string) => {
  mkdirSync(rig.home, { recursive: true, mode: 0o700 });
  writeFileSync(join(rig.home, 'rasend.yml'), text);
};
/** A line of a journal as it would be in a newer format, with a right checksum. */
const newerLine = (line: string) => {
  const { crc: _crc, ...event } = unseal(Buffer.from(line)) as Record<string, unknown>;
  return `${seal({ ...event, v: 99 })}\n`;
};

/** Leaves a mark for each time that it runs; the same key is the same order. */
async function order(name: string): Promise<'created' | 'known' | string> {
  const spec = commandSpec(['sh', '-c', `echo ran >>"${witness(name)}"`], rig.folder, { name, key: name });
  try {
    const { created, task } = await rig.call<{ created: boolean; task: TaskView }>('task.run', {
      spec,
      env: { PATH: process.env.PATH },
    });
    ids.set(name, task.id);
    return created ? 'created' : 'known';
  } catch (error) {
    return isRasenError(error) ? error.kind : String(error);
  }
}
const ids = new Map<string, string>();

/** What can become of a task while no supervisor looks. */
const HARM: Record<string, (folder: string) => void> = {
  'a byte of the journal': folder => {
    const bytes = readFileSync(join(folder, 'events.jsonl'));
    bytes[50]! ^= 1;
    writeFileSync(join(folder, 'events.jsonl'), bytes);
  },
  'the journal cut at a line end': folder => {
    const bytes = readFileSync(join(folder, 'events.jsonl'));
    // As if it had only been accepted: the snapshot, which knows better, is taken away, too.
    truncateSync(join(folder, 'events.jsonl'), bytes.indexOf('\n', bytes.indexOf('"seq":3')) + 1);
    rmSync(join(folder, 'task.json'));
    rmSync(join(folder, 'attempts'), { recursive: true });
  },
  'the journal cut in a line': folder => truncateSync(join(folder, 'events.jsonl'), 1000),
  'the journal emptied': folder => truncateSync(join(folder, 'events.jsonl'), 0),
  'the journal removed': folder => rmSync(join(folder, 'events.jsonl')),
  'the journal a FIFO': folder => sh('rm "$1"; mkfifo "$1"', join(folder, 'events.jsonl')),
  'the journal a link': folder => sh('mv "$1" "$1.x"; ln -s "$1.x" "$1"', join(folder, 'events.jsonl')),
  'the journal 10 GB': folder => truncateSync(join(folder, 'events.jsonl'), 10 * 1024 ** 3),
  'the journal of a newer format': folder => {
    const path = join(folder, 'events.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    rmSync(join(folder, 'task.json'));
    writeFileSync(path, [newerLine(lines[0]!).trimEnd(), ...lines.slice(1)].join('\n'));
  },
  'the spec removed, with the snapshot': folder => {
    rmSync(join(folder, 'spec.json'));
    rmSync(join(folder, 'task.json'));
  },
  'the folder of mode 0': folder => chmodSync(folder, 0),
  'the folder removed': folder => rmSync(folder, { recursive: true }),
  'a file in place of the folder': folder => sh('rm -r "$1"; echo x >"$1"', folder),
  'a FIFO in place of the folder': folder => sh('rm -r "$1"; mkfifo "$1"', folder),
  'a link in place of the folder': folder =>
    sh('mv "$1" "$2"; ln -s "$2" "$1"', folder, `${rig.folder}/moved`),
  'a link loop in place of the folder': folder => sh('rm -r "$1"; ln -s "$1" "$1"', folder),
};

test('a key stays taken whatever became of its task, says why, and is freed by hand', async () => {
  await rig.start();
  const names = Object.keys(HARM);
  for (const name of names) expect(await order(name)).toBe('created');
  const first = new Map(ids);
  await rig.call('task.wait', { tasks: [...first.values()] });
  await rig.kill();
  // All at once.
  for (const name of names) HARM[name]!(folderOf(first.get(name)!));

  for (const start of ['the first start', 'the second']) {
    await rig.start();
    for (const name of names) {
      const answer = await order(name);
      expect(['damaged', 'version', 'known'], `${start}: ${name}: ${answer}`).toContain(answer);
      expect(times(name), `${start}: ${name}`).toBe(1);
    }
    const views = await list();
    for (const name of names) {
      const view = views.find(one => one.id === first.get(name));
      expect(view, `${start}: ${name} is listed`).toBeDefined();
      if (name === 'the folder of mode 0' && process.getuid?.() === 0) continue;
      const newer = name === 'the journal of a newer format';
      expect([name, view!.status]).toEqual([name, newer ? 'newer_format' : 'damaged']);
      expect(view!.reason, name).toMatch(/rasen gc --damaged|newer rasen/);
      if (name === 'the journal removed') expect(view!.reason).toContain('events.jsonl is missing');
    }
    await rig.kill();
  }
  // What a newer rasen wrote is where it was.
  const newer = first.get('the journal of a newer format')!;
  expect(existsSync(join(folderOf(newer), 'events.jsonl'))).toBe(true);

  await rig.start();
  const said = rig.rasen(['list']);
  expect(said.stdout).toContain('newer format');
  expect(said.stderr).toContain('has 10737418240 bytes');
  const status = rig.rasen(['status', first.get('the journal emptied')!]);
  expect(status.stdout).toBe('');
  expect(status.stderr).toContain('is damaged');
  const doctor = rig.rasen(['doctor']).stdout;
  for (const [name, id] of first) if (name !== 'the folder of mode 0') expect(doctor, name).toContain(id);

  const gc = rig.rasen(['gc', '--damaged', '--older-than', '30d']);
  expect(gc.status).toBe(0);
  expect(await order('the journal emptied')).toBe('created');
  expect(await order('the folder removed')).toBe('created');
  expect(await order('the journal of a newer format')).toBe('version');
  await until('it ran again', () => times('the journal emptied') === 2);
  expect(times('the journal of a newer format')).toBe(1);
  const left = (await list()).filter(({ status }) => status === 'damaged');
  expect(left).toEqual([]);
});

test('the same id is not carried out again either: a reply that was lost, then damage, then a restart', async () => {
  await rig.start();
  const spec = commandSpec(['sh', '-c', `echo ran >>${witness('id')}`], rig.folder);
  const params = { spec, env: { PATH: process.env.PATH } };
  await rig.call('task.run', params);
  await rig.call('task.wait', { tasks: [spec.id] });
  await rig.kill();
  truncateSync(join(folderOf(spec.id), 'events.jsonl'), 700);
  await rig.start();
  await expect(rig.call('task.run', params)).rejects.toMatchObject({ kind: 'damaged' });
  expect(times('id')).toBe(1);
});

test('a state of an older version, which knew nothing of keys and ends: the same holds from the next start on', async () => {
  await rig.start();
  for (const name of ['old', 'older']) expect(await order(name)).toBe('created');
  await rig.call('task.wait', { tasks: [ids.get('old'), ids.get('older')] });
  await rig.kill();
  rmSync(join(rig.home, 'keys'), { recursive: true });
  rmSync(join(rig.home, 'heads'));
  // One is damaged before the new version has seen it: what is left of it still says its key.
  truncateSync(join(folderOf(ids.get('older')!), 'events.jsonl'), 500);
  await rig.start();
  expect(await order('old')).toBe('known');
  expect(await order('older')).toBe('damaged');
  await rig.kill();
  rmSync(folderOf(ids.get('old')!), { recursive: true });
  await rig.start();
  expect(await order('old')).toBe('damaged');
  expect([times('old'), times('older')]).toEqual([1, 1]);
});

/** A command that says that it runs, and ends when it is told. */
const worker = (name: string) => [
  'sh',
  '-c',
  `echo ran >>${witness(name)}; while [ ! -e ${rig.folder}/go ]; do sleep 0.05; done; echo end >>${witness(name)}-end`,
];
const go = () => writeFileSync(join(rig.folder, 'go'), '');

const CHANGES: Record<string, (folder: string) => void> = {
  'its end cut off at a line end': folder => {
    const path = join(folder, 'events.jsonl');
    const bytes = readFileSync(path);
    truncateSync(path, bytes.lastIndexOf(10, bytes.length - 2) + 1);
  },
  'an event exchanged for a sound one of the same length': folder => {
    const path = join(folder, 'events.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    const { crc: _crc, ...event } = unseal(Buffer.from(lines[1]!)) as Record<string, unknown>;
    lines[1] = seal({ ...event, host: String(event.host).replace(/^./, 'X') });
    writeFileSync(path, lines.join('\n'));
  },
  'a sound event added': folder => {
    const path = join(folder, 'events.jsonl');
    const seq = readFileSync(path, 'utf8').trimEnd().split('\n').length + 1;
    const event = { seq, t: new Date().toISOString(), mono: 1, epoch: 1, type: 'task_completed' };
    appendFileSync(path, `${seal({ ...event, verified: true, commit: null })}\n`);
  },
  emptied: folder => truncateSync(join(folder, 'events.jsonl'), 0),
  removed: folder => rmSync(join(folder, 'events.jsonl')),
  'replaced by a FIFO': folder => sh('rm "$1"; mkfifo "$1"', join(folder, 'events.jsonl')),
  'replaced by a link to another': folder => {
    const path = join(folder, 'events.jsonl');
    writeFileSync(join(rig.folder, 'precious'), 'precious');
    rmSync(path);
    symlinkSync(join(rig.folder, 'precious'), path);
  },
  'the spec changed, too': folder => {
    rmSync(join(folder, 'events.jsonl'));
    appendFileSync(join(folder, 'spec.json'), ' ');
  },
};

test('files of a task that are changed while it runs: it goes on, they are put back, and what was there is kept', async () => {
  await rig.start();
  const names = Object.keys(CHANGES);
  const tasks = new Map<string, string>();
  for (const [i, name] of names.entries()) {
    const spec = commandSpec(worker(String(i)), rig.folder);
    await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
    tasks.set(name, spec.id);
  }
  await until('all run', () => names.every((_, i) => times(String(i)) === 1));
  await until('all are known to run', async () =>
    (await list()).every(view => view.subtasks[0]!.attempt?.phase === 'running'),
  );
  for (const name of names) CHANGES[name]!(folderOf(tasks.get(name)!));
  go();
  await rig.call('task.wait', { tasks: [...tasks.values()] });
  for (const [name, id] of tasks)
    expect([name, (await rig.call<TaskView>('task.get', { task: id })).status]).toEqual([name, 'completed']);
  expect(readFileSync(join(rig.folder, 'precious'), 'utf8')).toBe('precious');
  const kept = readdirSync(join(rig.home, 'quarantine'));
  for (const [name, id] of tasks)
    if (!['removed', 'the spec changed, too'].includes(name))
      expect(
        kept.some(file => file.startsWith(id)),
        name,
      ).toBe(true);

  // And it is on the disk: another supervisor finds the same.
  await rig.kill();
  await rig.start();
  for (const [name, id] of tasks)
    expect([name, (await rig.call<TaskView>('task.get', { task: id })).status]).toEqual([name, 'completed']);
  expect((await rig.call<{ damaged: number }>('daemon.status')).damaged).toBe(0);
  for (const [i] of names.entries()) expect(times(String(i))).toBe(1);
});

const sparse = (path: string, bytes: number) => {
  writeFileSync(path, '');
  truncateSync(path, bytes);
};

/** What stands in place of a file that the supervisor reads. */
const KINDS: Record<string, (path: string) => void> = {
  'a FIFO': path => sh('mkfifo "$1"', path),
  'a link to /dev/zero': path => symlinkSync('/dev/zero', path),
  'a link loop': path => symlinkSync(path, path),
  'a folder': path => mkdirSync(path),
  'a socket': path =>
    sh(
      'cd "$(dirname "$1")" && python3 -c "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])" "$(basename "$1")"',
      path,
    ),
  '10 GB': path => sparse(path, 10 * 1024 ** 3),
  'nobody may read': path => writeFileSync(path, 'x', { mode: 0 }),
};
const TASK_FILES = ['events.jsonl', 'task.json', 'task.json.prev', 'spec.json', 'plan.1.json', 'env.json'];
const INSTANCE_FILES = [
  'heads',
  'keys',
  'rasend.yml',
  'rasend.1.log',
  'rasend.log',
  'secrets.env',
  'run/rasend.pid',
  'rasend.lock',
  'run/rasend.lock',
];
const took = async (work: () => Promise<unknown>) => {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
};
const canSocket = spawnSync('python3', ['-c', '']).status === 0;

test('special files in place of what is read of a task: that task alone, and an answer at once', async () => {
  await rig.start();
  const kinds = Object.keys(KINDS).filter(kind => kind !== 'a socket' || canSocket);
  const victims: { id: string; what: string; path: string; kind: string }[] = [];
  const run = async (argv: string[]) => {
    const spec = commandSpec(argv, rig.folder);
    await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
    return spec.id;
  };
  const healthy = await run(worker('healthy'));
  for (const file of TASK_FILES)
    for (const kind of kinds) {
      const id = await run(['true']);
      victims.push({ id, what: `${file}: ${kind}`, path: join(folderOf(id), file), kind });
    }
  await rig.call('task.wait', { tasks: victims.map(({ id }) => id) });
  await rig.kill();
  for (const { path, kind } of victims) {
    rmSync(path, { force: true });
    KINDS[kind]!(path);
  }
  await rig.start();
  const slow: string[] = [];
  const methods = LONG ? ['task.get', 'event.follow', 'log.follow', 'task.plan'] : ['task.get', 'log.follow'];
  for (const { id, what } of victims) {
    for (const method of methods) {
      // What a healthy one takes at this moment is the machine's.
      const usual = await took(() => rig.call('task.get', { task: healthy }));
      const more = method.endsWith('.follow') ? { follow: false } : {};
      const time = await took(() =>
        rig.call(method, { task: id, ...more }).catch(error => {
          if (!isRasenError(error) || error.kind === 'internal') slow.push(`${what}: ${method}: ${error}`);
        }),
      );
      if (time > usual + onThisMachine(200)) slow.push(`${what}: ${method} took ${Math.round(time)} ms`);
    }
  }
  const status = new Map((await list()).map(view => [view.id, view.status]));
  expect(status.get(healthy)).toBe('running');
  for (const { id, what } of victims)
    expect(['completed', 'damaged'], `${what}: ${status.get(id)}`).toContain(status.get(id));
  go();
  await rig.call('task.wait', { tasks: [healthy] });
  expect(slow).toEqual([]);
});

test('special files in place of those of the instance: it starts, and answers', async () => {
  await rig.start();
  const spec = commandSpec(worker('live'), rig.folder);
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
  await until('it runs', () => times('live') === 1);
  const wrong: string[] = [];
  const files = LONG ? INSTANCE_FILES : ['heads', 'keys', 'rasend.yml', 'rasend.lock'];
  for (const file of files)
    for (const kind of ['a FIFO', 'a folder', '10 GB']) {
      // A lock that is a folder is refused, with words; so are settings of 10 GB.
      if (
        kind !== 'a FIFO' &&
        [
          'rasend.lock',
          'run/rasend.lock',
          'rasend.yml',
          'rasend.1.log',
          'rasend.log',
          'run/rasend.pid',
        ].includes(file)
      )
        continue;
      await rig.kill();
      const path = join(rig.home, file);
      rmSync(path, { force: true, recursive: true });
      KINDS[kind]!(path);
      try {
        await rig.start();
        const view = await rig.call<TaskView>('task.get', { task: spec.id });
        if (view.status !== 'running') wrong.push(`${file} ${kind}: ${view.status}`);
      } catch (error) {
        wrong.push(`${file} ${kind}: ${error}`);
      }
      if (file === 'rasend.yml') rmSync(path, { force: true, recursive: true });
    }
  go();
  await rig.call('task.wait', { tasks: [spec.id] });
  expect(wrong).toEqual([]);
  expect(times('live')).toBe(1);
});

const canMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

/** How a state goes away; the result ends it. */
const GONE: Record<string, () => () => void> = {
  removed: () => {
    rmSync(rig.home, { recursive: true, force: true, maxRetries: 5 });
    return () => {};
  },
  'moved away': () => {
    renameSync(rig.home, `${rig.home}.away`);
    return () => {};
  },
  'replaced by a folder of somebody else': () => {
    renameSync(rig.home, `${rig.home}.away`);
    mkdirSync(join(rig.home, 'tasks'), { recursive: true, mode: 0o700 });
    writeFileSync(join(rig.home, 'mine'), 'mine');
    return () => {};
  },
  'without its tasks': () => {
    renameSync(join(rig.home, 'tasks'), join(rig.folder, 'tasks.away'));
    return () => {};
  },
};

describe('a state that goes away while the supervisor runs', () => {
  const names = [...Object.keys(GONE), ...(canMount ? ['under another file system'] : [])];
  test.skipIf(!canMount)('a file system can be mounted here (skipped where it cannot)', () => {
    expect(names).toContain('under another file system');
  });

  test.each(names)(
    '%s: the supervisor ends and says so, an attempt goes on whose state may come back, a new one starts clean',
    async name => {
      let end = () => {};
      const spec = commandSpec(worker('work'), rig.folder);
      try {
        await rig.start();
        const { daemon } = rig;
        let words = '';
        daemon!.stderr!.on('data', text => {
          words += text;
        });
        await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
        await until('it runs', () => times('work') === 1);
        const waiting = rig.rasenAsync(['wait', spec.id]);
        const over = new Promise<number | null>(resolve => daemon!.once('exit', resolve));
        if (name === 'under another file system') {
          sh('mount -t tmpfs -o mode=0700 none "$1"', rig.home);
          end = () => sh('umount -l "$1"', rig.home);
        } else end = GONE[name]!();
        const begun = Date.now();
        expect(await over).toBe(75);
        expect(Date.now() - begun).toBeLessThan(onThisMachine(10_000));
        expect(words).toMatch(/the state folder .* (is gone|was replaced)/);
        // Nothing of ours is in a folder that is not ours.
        const there = existsSync(rig.home) ? readdirSync(rig.home).sort() : [];
        if (name === 'replaced by a folder of somebody else') {
          expect(there).toEqual(['mine', 'tasks']);
          expect(readdirSync(join(rig.home, 'tasks'))).toEqual([]);
        } else if (name !== 'without its tasks') expect(there).toEqual([]);

        const again = rig.rasen(['run', '--', 'sh', '-c', `echo ran >>${witness('again')}`]);
        expect(again.status, again.stderr).toBe(0);
        expect(times('again')).toBe(1);
        // Whoever waited finds another supervisor, and is told.
        expect((await waiting).status).not.toBe(0);
        const views = await list();
        expect(views.filter(view => view.status === 'running')).toEqual([]);
        if (name === 'removed' || name === 'without its tasks') {
          // Nobody can take it over: the next supervisor knows that it has lost it.
          await until('the attempt is ended', () => marked(rig.home, [spec.id]).length === 0);
          expect(existsSync(`${witness('work')}-end`)).toBe(false);
        } else {
          // The attempt was not touched: it ends by itself.
          go();
          await until('the attempt ends', () => existsSync(`${witness('work')}-end`));
        }
        expect(times('work')).toBe(1);
      } finally {
        go();
        const pid = rig.pid();
        if (pid !== null) {
          try {
            process.kill(pid, 'SIGTERM');
            await until('the second supervisor ends', () => rig.pid() === null);
          } catch {
            // It has ended.
          }
        }
        end();
        // Its runner waits for the state to come back, and is not among those that the instance knows by its folder.
        for (const { pid: left } of marked(rig.home, [spec.id])) process.kill(left, 'SIGKILL');
        rmSync(`${rig.home}.away`, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  );
});

test('a task that is over becomes one file, on which every command says the same as before', async () => {
  await rig.start();
  const spec = commandSpec(['sh', '-c', 'echo hello; echo oops >&2; printf "\\303\\274"'], rig.folder, {
    key: 'once',
  });
  await rig.call('task.run', { spec, env: { PATH: process.env.PATH } });
  await rig.call('task.wait', { tasks: [spec.id] });
  const commands = [
    ['status', spec.id, '--json'],
    ['logs', spec.id],
    ['events', spec.id, '--json'],
    ['plan', 'show', spec.id],
    ['list', '--json'],
    ['wait', spec.id],
  ];
  const say = () => commands.map(args => [args[0], rig.rasen(args).stdout]);
  const before = say();
  expect(before.find(([command]) => command === 'list')![1]).toContain('"last_output":"ü"');
  const files = () =>
    Number(
      spawnSync('sh', ['-c', 'find "$1" | wc -l', 'sh', join(rig.home, 'tasks')], { encoding: 'utf8' })
        .stdout,
    ) - 1;
  const bytes = () =>
    Number(spawnSync('du', ['-sk', join(rig.home, 'tasks')], { encoding: 'utf8' }).stdout.split('\t')[0]) - 4;
  const was = { files: files(), kib: bytes() };
  settings('pack_after: 0\n');
  rig.daemon!.kill('SIGHUP');
  await until('it is packed', () => existsSync(`${folderOf(spec.id)}.pack`) && files() === 1);
  console.log(
    'a trivial task, before and after:',
    JSON.stringify(was),
    JSON.stringify({ files: files(), kib: bytes() }),
  );
  expect(files()).toBe(1);
  expect(say()).toEqual(before);
  expect(readdirSync(join(rig.home, 'tasks'))).toEqual([`${spec.id}.pack`]);
  // Another start reads it, and damage of it is damage.
  await rig.kill();
  await rig.start();
  expect(say()).toEqual(before);
  await rig.kill();
  const pack = `${folderOf(spec.id)}.pack`;
  truncateSync(pack, readFileSync(pack).length - 1);
  await rig.start();
  const [view] = await list();
  expect(view).toMatchObject({ id: spec.id, status: 'damaged', name: 'sh' });
});

test('what an attempt left that is no file keeps its task a folder, and the others are packed', async () => {
  settings('pack_after: 0\n');
  await rig.start();
  const odd = commandSpec(
    [
      'sh',
      '-c',
      `cd ${join(rig.home, 'tasks')}/*/attempts/run/* && ln -s /etc/passwd planted && mkfifo pipe`,
    ],
    rig.folder,
  );
  await rig.call('task.run', { spec: odd, env: { PATH: process.env.PATH } });
  await rig.call('task.wait', { tasks: [odd.id] });
  const plain = commandSpec(['true'], rig.folder);
  await rig.call('task.run', { spec: plain, env: { PATH: process.env.PATH } });
  await until('the plain one is packed', () => existsSync(`${folderOf(plain.id)}.pack`));
  await until('it is said of the other', () =>
    /stays a folder: attempts\/run\/1-\w+\/pi/.test(readFileSync(join(rig.home, 'rasend.log'), 'utf8')),
  );
  expect(existsSync(`${folderOf(odd.id)}.pack`)).toBe(false);
  expect(rig.rasen(['status', odd.id]).status).toBe(0);
});
