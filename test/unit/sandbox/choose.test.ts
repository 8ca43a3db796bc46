/** Which sandbox there is, by what a machine says when it is tried; and the words that hold it. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { chooseSandbox } from '../../../src/sandbox/choose.ts';
import type { Inside } from '../../../src/sandbox/sandbox.ts';
import { seatbeltProfile } from '../../../src/sandbox/seatbelt.ts';

const BWRAP = spawnSync('bwrap', ['--version']).status === 0;
const FENCE = ['/opt/node', '/opt/fence.cjs'];
const INSIDE: Inside = {
  rules: [
    { path: '/h/.ssh', access: 'hidden', is_folder: true },
    { path: '/h/.netrc', access: 'hidden', is_folder: false },
    { path: '/h/w', access: 'write', is_folder: true },
    { path: '/tmp', access: 'write', from: '/tmp/own', is_folder: true },
  ],
  network: 'all',
  tmp: '/tmp',
  outer_tmp: '/tmp/own',
  env: { LD_LIBRARY_PATH: ':/lib' },
};

/** @param refuses the words that this machine does not take. */
const linux = (refuses: string | null, said = 'bwrap: setting up uid map: Permission denied') =>
  chooseSandbox({
    wanted: 'on',
    platform: 'linux',
    env: { PATH: '/usr/bin' },
    fence: FENCE,
    attempt: async argv => (refuses !== null && argv.includes(refuses) ? said : null),
  });

test.skipIf(!BWRAP)('all of it, where the machine takes all', async () => {
  const { sandbox } = await linux(null);
  expect([sandbox?.kind, sandbox?.nests]).toEqual(['bubblewrap', true]);
  const words = sandbox!.wrap(INSIDE, ['agent', '-p']).join(' ');
  expect(words).toContain(
    '--unshare-user --unshare-ipc --cap-drop ALL --unshare-pid --ro-bind / / --dev /dev --proc /proc',
  );
  expect(words).toContain(
    '--tmpfs /h/.ssh --ro-bind /dev/null /h/.netrc --bind /h/w /h/w --bind /tmp/own /tmp',
  );
  expect(words).toContain('--remount-ro /h/.ssh');
  expect(words).toContain('--setenv LD_LIBRARY_PATH :/lib --setenv RASEN_SANDBOXED 1 --setenv TMPDIR /tmp');
  expect(words).toContain('--unsetenv SSH_AUTH_SOCK');
  expect(words).toMatch(/ -- \/bin\/sh -c exec "\$0" "\$@" agent -p$/);
  // It would end with its supervisor, or be found no more.
  expect(words).not.toMatch(/--die-with-parent|--new-session|--unshare-net/);
});

test.skipIf(!BWRAP)(
  'without a table of processes, where a container allows none; and that is said',
  async () => {
    const { sandbox, why } = await linux(
      '--unshare-pid',
      "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
    );
    expect(why).toContain('without a table of processes of its own');
    expect(sandbox!.nests).toBe(false);
    expect(sandbox!.wrap(INSIDE, ['x'])).not.toContain('--proc');
  },
);

test.skipIf(!BWRAP)('none, where there are no namespaces, with what to do', async () => {
  const choice = await linux('--unshare-user');
  expect(choice).toMatchObject({
    sandbox: null,
    why: 'bubblewrap does not work here: bwrap: setting up uid map: Permission denied',
  });
  expect('fix' in choice && choice.fix).toContain('Allow user namespaces');
});

test('none, where it is turned off; it is not even tried', async () => {
  const attempt = async () => {
    throw new Error('tried');
  };
  const choice = await chooseSandbox({ wanted: 'off', env: {}, fence: FENCE, attempt });
  expect(choice).toMatchObject({ sandbox: null, why: 'turned off by the setting sandbox' });
});

test.skipIf(!BWRAP)(
  'a list of hosts is held by a program on both sides of a sandbox without a network',
  async () => {
    const { sandbox } = await linux(null);
    const words = sandbox!.wrap({ ...INSIDE, network: ['a.test'] }, ['agent']);
    expect(words.slice(0, 4)).toEqual([
      ...FENCE,
      'outside',
      '{"allow":["a.test"],"socket":"/tmp/own/.rasen-net"}',
    ]);
    expect(words.join(' ')).toContain('--unshare-net --die-with-parent');
    expect(words.slice(-5)).toEqual([
      ...FENCE,
      'inside',
      '{"allow":["a.test"],"socket":"/tmp/.rasen-net"}',
      'agent',
    ]);
  },
);

test('the profile of macOS: the last rule that fits counts, so they come in the same order', () => {
  const profile = seatbeltProfile({ ...INSIDE, network: 'none' });
  const at = (text: string) => {
    expect(profile).toContain(text);
    return profile.indexOf(text);
  };
  expect(at('(deny file-write*)')).toBeLessThan(at('(deny file-read* file-write* (subpath "/h/.ssh"))'));
  expect(at('(literal "/h/.netrc")')).toBeLessThan(at('(allow file-read* file-write* (subpath "/h/w"))'));
  at('(deny network*)');
  expect(
    seatbeltProfile({ ...INSIDE, rules: [{ path: '/a"b\\', access: 'write', is_folder: true }] }),
  ).toContain('(subpath "/a\\"b\\\\")');
});
