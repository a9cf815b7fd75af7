/** What every transport makes: attempts to reach one peer, and channels. None of them is named here. */

import type { Primitives } from "../crypto/primitives.ts";
import type { Bytes } from "../util/bytes.ts";

/** Pieces that wait to be read, at most: more than a download ever has asked for. */
export const MOST_UNREAD = 8_192;
/** Bytes that wait to be sent, from which on a sender waits. */
export const FULL = 1024 * 1024;

/** A stream of bytes both ways; where one message ends means nothing. */
export interface Channel {
  /** What comes next. Throws Failure where nothing does. */
  next(): Promise<Uint8Array>;
  send(bytes: Bytes): void;
  /** Resolves once more may be sent; also once it is closed. */
  room(): Promise<void>;
  close(): void;
}

/** One connection on its way. */
export interface Attempt {
  /** Throws Failure `noChannel` where it does not open in time. */
  readonly channel: Promise<Channel>;
  cancel(): void;
}

/** A relay's transit, through which two of its people may talk. */
export interface Transit {
  readonly url: string;
  /** Admits this side; a secret. */
  readonly pass: Bytes;
}

/** By what a peer may be reached. */
export interface Roads {
  readonly crypto: Primitives;
  readonly webrtc: RTCConfiguration;
  readonly transit: Transit | undefined;
}
