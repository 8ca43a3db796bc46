/**
 * Every limit of the control socket, in one object. The server sends it in `rasen.hello`, so that a client knows what
 * it may send; tests start servers with smaller values. Units are the last word of a name.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS = {
  /** Longest line a client may send, without its newline. */
  max_frame_in_bytes: MIB,
  /** Longest line the server sends; anything longer must be split by its method. */
  max_frame_out_bytes: 8 * MIB,
  /** Requests of one connection that run at once; more of them wait unread in the kernel. */
  in_flight: 64,
  /** Entries of one batch. */
  batch: 64,
  /** Answers a client has not read yet; from here on nothing more is read from it. */
  unsent_bytes: 4 * MIB,
  /** A client that takes none of its unsent bytes for so long is disconnected. */
  stall_ms: 30_000,
  /** The first complete line must be there so long after connecting. */
  first_frame_ms: 10_000,
  /** A line must be complete so long after its first byte. */
  frame_ms: 10_000,
  /** Connections of one server. */
  connections: 256,
  /** Lines in a row that are no message; then the connection is closed. */
  bad_frames: 8,
  /** How often a client that sends no more, but has requests running, is asked whether it is still there. */
  probe_ms: 1_000,
  /** How often the server looks whether its socket is still at its path. */
  rebind_check_ms: 2_000,
  /** A stream waits for its reader above this. */
  stream_unsent_bytes: 64 * KIB,
  /** A stream lets others run after so much. */
  stream_yield_bytes: 64 * KIB,
  /** After a fatal error, input that is read and thrown away so that the client can still read the error … */
  drain_bytes: 4 * MIB,
  /** … and the time for it. */
  drain_ms: 500,
  /** Time for answers and flushing when the server stops; then connections are destroyed. */
  close_grace_ms: 5_000,
  /** Longest path of a socket: macOS has room for 104 bytes with the NUL. */
  socket_path_bytes: 103,
  /** How long a client, or the check for a living server, waits for a connection. */
  connect_ms: 2_000,
  /** How long a client waits for an answer unless the call says otherwise. */
  call_ms: 30_000,
  /** How long a client that cancelled a stream waits for the stream's final answer. */
  cancel_ms: 2_000,
} as const satisfies Record<string, number>;

export type Limits = { readonly [name in keyof typeof LIMITS]: number };
