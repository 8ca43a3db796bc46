/** The real codex. */
import { expect, inject, test } from 'vitest';
import { matrix } from './matrix.ts';
import { RealProject, works } from './real-project.ts';
import { WAYS } from './ways.ts';

matrix('codex');

const installed = inject('agents').codex.newest;
test.skipIf('missing' in installed)(
  'the key that it logs in with does not reach the shell of the model',
  async ({ onTestFinished }) => {
    const p = await RealProject.make(WAYS.codex, 'command' in installed ? installed.command : []);
    onTestFinished(() => p.close());
    const [, result, end] = works();
    const looks = 'env | grep -c test-key > found.txt; git add -A && git commit -qm looked';
    p.model.turns = [{ say: 'I look around.', shell: looks }, result!, end!];
    await p.start();
    const { commit } = await p.ends('completed');
    expect(p.git('show', `${commit}:found.txt`)).toBe('0');
    expect(p.model.requests.every(request => request.key?.endsWith('test-key'))).toBe(true);
  },
);
