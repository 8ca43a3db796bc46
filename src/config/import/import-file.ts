/** Reads a file of processes for `rasen import`: which kind it is, and what of it there is an engine for. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RasenError } from '../../contract/errors.ts';
import { isMarkdown } from '../plan-markdown.ts';
import { Problems } from '../problems.ts';
import { parseYaml } from '../yaml.ts';
import { importCrontab, SCHEDULE } from './crontab.ts';
import type { Imported } from './imported.ts';
import { importLongRunningTasks, isLongRunningTasks } from './long-running-tasks.ts';
import { importPackageScripts } from './package-scripts.ts';
import { importProcessCompose } from './process-compose.ts';
import { importProcfile, PROCESS } from './procfile.ts';

const KINDS = 'a Procfile, a process-compose.yaml, a package.json, a crontab or a long_running_tasks.yaml';

/** `path` is as the user gave it, `file` where it is. Throws a RasenError of kind config. */
export function importFile(path: string, file: string, text: string): Imported {
  const problems = new Problems(path);
  const result = read(path, file, text, problems);
  problems.throwIfAny(`Import takes ${KINDS}.`);
  return result!;
}

function read(path: string, file: string, text: string, problems: Problems): Imported | null {
  const name = basename(path);
  const lines = text
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
  const all = (pattern: RegExp) => lines.length > 0 && lines.every(line => pattern.test(line));
  if (/^Procfile/i.test(name) || /\.procfile$/i.test(name)) return importProcfile(text);
  if (
    /crontab|\.cron$/i.test(name) ||
    (lines.some(line => SCHEDULE.test(line)) && !/\.(?:ya?ml|json|md)$/.test(name))
  )
    return importCrontab(text);
  if (isMarkdown(name)) throw isPlan(path);
  if (!/\.(?:ya?ml|json)$/.test(name) && all(PROCESS)) return importProcfile(text);
  const tree = parseYaml(text, problems);
  if (tree === null && !problems.any) problems.add({ line: 1, column: 1 }, '', 'is empty');
  if (tree === null || problems.any) return null;
  if (tree.kind === 'map' && tree.entries.has('processes')) return importProcessCompose(tree, problems);
  if (tree.kind === 'map' && isLongRunningTasks(tree)) return importLongRunningTasks(tree, problems);
  if (tree.kind === 'map' && tree.entries.has('scripts'))
    return importPackageScripts(tree, beside => existsSync(join(dirname(file), beside)), problems);
  if (
    tree.kind === 'map' &&
    ['subtasks', 'task_name', 'phases', 'userStories', 'tasks'].some(key => tree.entries.has(key))
  )
    throw isPlan(path);
  problems.add(tree, '', `is not known: wanted ${KINDS}`);
  return null;
}

function isPlan(path: string): RasenError {
  return new RasenError('usage', `${path} is a plan, and no file of processes.`, {
    hint: `Make a task of it: rasen init --task "…" --plan ${path}`,
  });
}
