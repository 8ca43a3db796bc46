/** Which repositories may be named in a request. */
import { expect, test } from 'vitest';
import { parseRepository } from '../../../src/gateway/repositories.ts';

test('the usual forms are taken', () => {
  expect(parseRepository('owner/name')).toMatchObject({
    url: 'https://github.com/owner/name',
    host: 'github.com',
    path: 'owner/name',
  });
  expect(parseRepository('https://git.example:8443/group/sub/name.git')).toMatchObject({
    host: 'git.example_8443',
    path: 'group/sub/name',
  });
  expect(parseRepository('git@host.example:owner/name.git')).toMatchObject({
    host: 'host.example',
    path: 'owner/name',
  });
  expect(parseRepository('ssh://git@host.example/owner/name')).toMatchObject({
    host: 'host.example',
    path: 'owner/name',
  });
});

test.each([
  ...['--upload-pack=touch x', '-x', 'ext::sh -c id', 'fd::17', 'https://u:p@h/o/n', 'https://token@h/o/n'],
  ...[
    'https://h/../../x',
    'https://h/a/../b',
    'https://h/%2e%2e/x',
    'https://h/a/.git/b',
    'ssh://-oProxyCommand=x/a',
  ],
  ...[
    'git@host:../x',
    'https://h/a?token=x',
    'https://h/a#b',
    'ftp://h/a',
    'https://h/',
    '',
    'x',
    'https://h/a\nb',
    'https://h/a b',
  ],
])('%s is refused', text => {
  expect(() => parseRepository(text)).toThrow(/Not a repository/);
});

// Their mirrors would lie in that of the repository, or have the name of a lock.
test.each([
  'https://h/o/n.git/tree/main',
  'https://h/o/n.git/',
  'https://h/o/n.turn',
  'https://h/o/n.part/x',
])('%s has a place of its own or none', text => {
  const own = text === 'https://h/o/n.git/';
  if (own) expect(parseRepository(text).path).toBe('o/n');
  else expect(() => parseRepository(text)).toThrow(/leads to something in a repository/);
});
