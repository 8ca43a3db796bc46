/** One row of the table of keys, and the ways to write one. */
import { argv, nullable, type ValueType } from './types.ts';

export interface KeyRow<T> {
  type: ValueType<T>;
  default: T;
  about: string;
  /** One of RASEN's keys. */
  seed: boolean;
  /** In place of the default in documentation, where the default depends on the project. */
  default_text?: string;
  /** A map of the user's own names: files add to each other, name by name. */
  by_name?: boolean;
}

/** A key of RASEN. */
export function seed<T>(type: ValueType<T>, value: T, about: string, default_text?: string): KeyRow<T> {
  return { type, default: value, about, seed: true, ...(default_text ? { default_text } : {}) };
}

/** A key of rasen's own. */
export function own<T>(type: ValueType<T>, value: T, about: string, default_text?: string): KeyRow<T> {
  return { ...seed(type, value, about, default_text), seed: false };
}

/** A map of the user's own names. */
export function byName<T>(type: ValueType<T>, value: T, about: string, default_text: string): KeyRow<T> {
  return { ...own(type, value, about, default_text), by_name: true };
}

/** A program and its arguments, or none. */
export const command = () => nullable(argv(), 'none');
