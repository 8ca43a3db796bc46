/** Several tasks in one command, and what failed done again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Instance, until } from '../support/instance.ts';
import { ShellUser } from '../support/shell-user.ts';

let rasen: Instance;
let user: ShellUser;

beforeAll(async () => {
  rasen = new Instance();
  user = new ShellUser(rasen);
  // Tasks that are over are packed at once, so that what is done again is unpacked.
  user.types('mkdir -p -m 700 "$RASEN_HOME"; echo "pack_after: 0s" >"$RASEN_HOME/rasend.yml"');
  await rasen.start();
});
afterAll(() => rasen.close());

const log = (name: string) => readFileSync(join(user.folder, name), 'utf8').trim().split('\n').join(' ');
const statusOf = (task: string) => JSON.parse(rasen.rasen(['status', task, '--json']).stdout);
const packed = async (task: string) => {
  const { id } = statusOf(task);
  await until('the task is packed', () => user.types(`test -f "$RASEN_HOME/tasks/${id}.pack"`).status === 0);
};

/** a → b → c and a word by itself; b and c fail without their file. */
function pipeline(name: string): string {
  const subtask = (id: string, needs: string) =>
    `  - {id: ${id}, run: [sh, -c, "echo ${id} >>${name}.log; test ${id} = a || test -f ${name}.${id}"], needs: [${needs}]}`;
  const text = ['subtasks:', subtask('a', ''), subtask('b', 'a'), subtask('c', 'b'), ''].join('\n');
  writeFileSync(join(user.folder, `${name}.yml`), text);
  return `rasen run -f ${name}.yml --name ${name}`;
}

describe('a pipeline that failed', () => {
  it('goes on from where it failed, however long it has been over', async () => {
    expect(user.types(pipeline('whole')).status).toBe(1);
    await packed('whole');
    expect(user.types('touch whole.b whole.c; rasen retry b --task whole && rasen wait whole').status).toBe(
      0,
    );
    expect(log('whole.log')).toBe('a b b c');
    expect(statusOf('whole')).toMatchObject({ status: 'completed', verified: true, completed_subtasks: 3 });
  });

  it('can fail again, and be taken up without a word of what failed', () => {
    user.types(`${pipeline('twice')}; touch twice.b; rasen retry --task twice; rasen wait twice`);
    expect(statusOf('twice')).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('c failed'),
    });
    expect(user.types('touch twice.c; rasen retry --task twice && rasen wait twice').status).toBe(0);
    expect(log('twice.log')).toBe('a b b c c');
  });

  it('says what to do instead of a resume', () => {
    user.types(pipeline('odd'));
    const { status, stderr } = user.types('rasen resume odd');
    expect(status).toBe(5);
    const advice = /rasen retry --task \w+$/m.exec(stderr)![0];
    expect(user.types(`touch odd.b odd.c; ${advice} && rasen wait odd`).status).toBe(0);
  });

  it('goes on after the supervisor was killed in between', async () => {
    user.types(pipeline('killed'));
    await rasen.kill();
    await rasen.start();
    expect(
      user.types('touch killed.b killed.c; rasen retry b --task killed && rasen wait killed').status,
    ).toBe(0);
    await rasen.kill();
    await rasen.start();
    expect(statusOf('killed')).toMatchObject({ status: 'completed', ended_at: expect.any(String) });
    expect(log('killed.log')).toBe('a b b c');
  });
});

describe('a completed pipeline', () => {
  it('has a subtask done again, and what needs it', async () => {
    user.types(`touch done.b done.c; ${pipeline('done')}`);
    await packed('done');
    expect(user.types('rasen retry b --task done && rasen wait done').status).toBe(0);
    expect(log('done.log')).toBe('a b c b c');
  });

  it('has nothing that failed', () => {
    const { status, stderr } = user.types('rasen retry --task done');
    expect(status).toBe(5);
    expect(stderr).toContain('nothing of task');
    expect(user.types('rasen retry nothing --task done').status).toBe(2);
  });
});

it('a cancelled task stays cancelled', () => {
  user.types('rasen run --background --name left -- sleep 600; rasen cancel left --force');
  expect(user.types('rasen retry --task left').status).toBe(5);
  expect(statusOf('left').state.name).toBe('cancelled');
});

describe('a key', () => {
  const order = (flags: string) =>
    `rasen run --key nightly ${flags} -- sh -c 'echo ran >>nightly.log; test -f good'`;

  it('of a task that failed does not start it again, and says how to', () => {
    expect(user.types(order('')).status).toBe(1);
    const again = user.types(order(''));
    expect([again.status, log('nightly.log')]).toEqual([1, 'ran']);
    expect(again.stderr).toContain('--retry');
  });

  it('does so with --retry, once it failed and never when it is completed', () => {
    expect(user.types(`touch good; ${order('--retry')}`).status).toBe(0);
    expect(user.types(order('--retry')).status).toBe(0);
    expect(log('nightly.log')).toBe('ran ran');
  });

  it('is needed for that', () => {
    expect(user.types('rasen run --retry -- true').status).toBe(2);
  });
});

describe('several tasks', () => {
  it('are stopped, shown, resumed and cancelled together', () => {
    user.types('for n in one two three; do rasen run --background --name $n -- sleep 600; done');
    const stopped = user.types('rasen stop one two three');
    expect(stopped.stdout.match(/is interrupted/g)).toHaveLength(3);
    expect(
      JSON.parse(user.types('rasen status one two --json').stdout).map((t: { name: string }) => t.name),
    ).toEqual(['one', 'two']);
    expect(user.types('rasen resume one two').stderr).toContain('rasen resume --background one two');
    expect(user.types('rasen resume --background one two').status).toBe(0);
    expect(statusOf('one').status).toBe('running');
    const ended = user.types('rasen cancel --force one nothing three two');
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain('no task "nothing"');
    expect(ended.stdout.match(/is cancelled/g)).toHaveLength(3);
  });

  it('are not watched in one terminal', () => {
    expect(user.types('rasen status --watch one two').status).toBe(2);
  });
});
