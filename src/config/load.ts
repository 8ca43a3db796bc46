/**
 * Loads the configuration of a project: environment over `.rasen/config.yaml` over rasen.yml (or the file given in
 * its place) over that of the user over the defaults, key by key. Everything that the files refer to is read here, by value; all problems
 * of all sources are thrown together.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Role } from '../contract/spec.ts';
import { DEFAULTS, KEYS, type KeyName, type Settings } from './keys.ts';
import { envLayer, fileLayers, type Layer, userLayer } from './layers.ts';
import { Problems, throwProblems } from './problems.ts';
import { loadPrompts } from './prompts.ts';
import { checkSettings } from './rules.ts';
import type { Written } from './walk.ts';

export interface LoadedConfig {
  /** The folder whose configuration this is; absolute. */
  project: string;
  /** Where the work is: project.root; absolute. */
  root: string;
  /** The files that were read, weakest first; absolute. */
  files: string[];
  settings: Settings;
  /** The keys that somebody wrote, with the place of the strongest. */
  written: ReadonlyMap<KeyName, Written>;
  /** Prompt of each role, by value. */
  prompts: Record<Role, string>;
  /** `rasen run` starts in the background although --background is not given. */
  background: boolean;
}

export interface LoadOptions {
  /** The folder with rasen.yml and `.rasen/`. */
  project: string;
  env: Readonly<Record<string, string | undefined>>;
  /** --config F: read in place of rasen.yml; relative to the project. It must exist. */
  file?: string | undefined;
}

/** Throws a RasenError of kind config with every problem: `data.problems`. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const project = resolve(options.project);
  const layers = [...userLayer(options.env), ...fileLayers(project, options.file), envLayer(options.env)];
  throwProblems(layers.map(layer => layer.problems));

  const written = new Map<KeyName, Written>();
  for (const layer of layers)
    for (const [key, now] of layer.written) written.set(key, over(written.get(key), key, now));
  const settings = { ...DEFAULTS } as Record<KeyName, unknown>;
  for (const [key, { value }] of written) settings[key] = value;
  const config: LoadedConfig = {
    project,
    root: project,
    files: layers.flatMap((layer: Layer) => layer.path ?? []),
    settings: settings as Settings,
    written,
    prompts: { initializer: '', coder: '', reviewer: '', qa: '' },
    background: settings['background.enabled'] as boolean,
  };
  const late = new LateProblems(written);
  config.root = rootOf(config, late);
  checkSettings(config, late);
  config.prompts = loadPrompts(config, late);
  throwProblems(late.sources);
  return config;
}

function over(before: Written | undefined, key: KeyName, now: Written): Written {
  if (!before || !KEYS[key].by_name) return now;
  return { ...now, value: { ...(before.value as object), ...(now.value as object) } };
}

/** Problems that show only after the merge; each is reported at the place of the key that it is about. */
export class LateProblems {
  readonly #written: ReadonlyMap<KeyName, Written>;
  readonly #byFile = new Map<string, Problems>();

  constructor(written: ReadonlyMap<KeyName, Written>) {
    this.#written = written;
  }

  /** At the key that was written, or at the start of `fallback` when the default is to blame. */
  at(key: KeyName, message: string, fallback = 'rasen.yml'): void {
    const place = this.#written.get(key);
    this.in(place?.file ?? fallback).add(place?.at ?? { line: 1, column: 1 }, place?.as ?? key, message);
  }

  in(file: string): Problems {
    const known = this.#byFile.get(file) ?? new Problems(file);
    this.#byFile.set(file, known);
    return known;
  }

  get sources(): Problems[] {
    return [...this.#byFile.values()];
  }
}

function rootOf(config: LoadedConfig, late: LateProblems): string {
  const root = resolve(config.project, config.settings['project.root']);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory()) return root;
  late.at('project.root', `${root} is not a folder`);
  return root;
}
