/** Where agents keep what is theirs: login, sessions, settings. Each agent's file says its own; see index.ts for all. */

export interface AgentFolder {
  /** Below the home: a folder, or a file. */
  path: string;
  /** The variable by which a user has it elsewhere. */
  variable?: string;
  /** false: it is read there, and nothing of a session is written to it; what is `kept` with a text is made there all the same. */
  written: boolean;
  /**
   * What in it stays as it is: it says which programs are run, also in sessions outside of any sandbox. With a text: made
   * with it where it is missing, for what is not there cannot be kept from being made.
   */
  kept?: Readonly<Record<string, string | null>>;
}
