/** Where the supervisor's log goes: what `log` in rasend.yml says, and what the service manager offers. */
import { messageOf, RasenError } from '../../contract/errors.ts';
import type { LogStream } from '../../log.ts';
import type { Handover } from './handover.ts';
import { fileStream } from './log-file.ts';
import { journalStream } from './log-journal.ts';
import { rollingStream } from './log-rolling.ts';
import { stderrStream } from './log-stderr.ts';

export const LOG_MODES = ['auto', 'journal', 'stderr', 'file', 'rolling'] as const;
export type LogMode = (typeof LOG_MODES)[number];

export interface LogStreamOptions {
  mode: LogMode;
  /** Of the log file, for the modes that have one. */
  path: string;
  handover: Pick<Handover, 'journal' | 'stderr_is_journal'>;
}

/** Throws `config` when there is no journal to log to, `storage` when the file cannot be opened. */
export async function openLogStream({ mode, path, handover }: LogStreamOptions): Promise<LogStream> {
  const { journal, stderr_is_journal } = handover;
  switch (mode) {
    case 'stderr':
      return stderrStream({ prefixed: stderr_is_journal });
    case 'file':
      return opened(path, () => fileStream(path));
    case 'rolling':
      return opened(path, () => rollingStream(path));
    case 'journal':
    case 'auto':
      if (journal !== undefined) return journalStream(journal);
      if (stderr_is_journal) return stderrStream({ prefixed: true });
      if (mode === 'auto') return opened(path, () => rollingStream(path));
      throw new RasenError('config', 'The log cannot go to the journal: no service manager hands it over.', {
        hint: 'Set log: auto in rasend.yml, or start rasend by its systemd unit.',
      });
  }
}

async function opened(path: string, open: () => LogStream | Promise<LogStream>): Promise<LogStream> {
  try {
    return await open();
  } catch (error) {
    throw new RasenError('storage', `The log ${path} cannot be opened: ${messageOf(error)}.`, {
      hint: 'It must be a plain file of yours, or nothing must be there.',
      cause: error,
    });
  }
}
