/**
 * The seam between protocol and transport: what a connection's protocol (peer.ts) needs of its socket, and what it is
 * told. transport.ts is the implementation.
 */
export interface Wire {
  /** False: the reader is behind; `drained` will follow. */
  write(data: string): boolean;
  /** No more writes; `flushed` runs when everything is with the kernel. */
  end(flushed?: () => void): void;
  destroy(): void;
  pause(): void;
  resume(): void;
  /**
   * What was written and not yet taken, in the unit of the socket's own account: UTF-16 units for text, so up to
   * three times as many bytes.
   */
  readonly unsent: number;
  /** Bytes of the running system call that the kernel has not taken yet; tells a slow reader from a stopped one. */
  readonly queued: number;
  /** Descriptor of the socket; null once it is closed. */
  readonly fd: number | null;
}

export interface WireEvents {
  received(chunk: Buffer): void;
  drained(): void;
  /** The other end sends no more; it may still read. */
  ended(): void;
  closed(): void;
}
