/**
 * What an installation changed beside its own files, so that the uninstallation takes back that and no more: a small
 * file of ours beside the variables of the service.
 */
import { textAt } from './files.ts';
import type { ServiceFile } from './service.ts';

export interface InstallRecord {
  /** Lingering was off before. */
  linger: boolean;
  /** Folders that were not there before, outermost first. */
  folders: string[];
}

export const NOTHING: InstallRecord = { linger: false, folders: [] };

/** An unreadable record is none: then too much stays, never too little. */
export function readRecord(path: string): InstallRecord {
  try {
    const { linger, folders } = JSON.parse(textAt(path) ?? '{}');
    return {
      linger: linger === true,
      folders: Array.isArray(folders) ? folders.filter(f => typeof f === 'string' && f.startsWith('/')) : [],
    };
  } catch {
    return NOTHING;
  }
}

/** Both together: an installation that is repeated keeps what the first one changed. */
export function merged(a: InstallRecord, b: InstallRecord): InstallRecord {
  return { linger: a.linger || b.linger, folders: [...new Set([...a.folders, ...b.folders])] };
}

export function recordFile(path: string, record: InstallRecord): ServiceFile {
  const about = 'What `rasen service install` changed, for `rasen service uninstall`.';
  return { path, text: `${JSON.stringify({ about, ...record }, null, 2)}\n`, mode: 0o644 };
}
