/**
 * The messages of the BitTorrent wire (BEP 3, 6, 10), as bytes and back. Sans-IO: a byte stream in,
 * messages out. What they mean to a download never lives here.
 */

import { Failure } from "../failure.ts";
import { bigEndian, bytesOf, concat, equal, utf8, type Bytes } from "../util/bytes.ts";

export const BLOCK = 16 * 1024;
export const Kind = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  extended: 20,
} as const;

const PROTOCOL = concat(bytesOf([19]), utf8("BitTorrent protocol"));
const HANDSHAKE = 68;
/** The extension protocol (BEP 10) and the fast extension (BEP 6). */
const RESERVED = bytesOf([0, 0, 0, 0, 0, 0x10, 0, 0x04]);
/** Longest message: a bitfield of two million pieces, or a piece of the metadata, fits. */
const LONGEST = 512 * 1024;

export interface Message {
  readonly kind: number;
  readonly payload: Bytes;
}

export function handshake(infoHash: Bytes, peerId: Bytes): Bytes {
  return concat(PROTOCOL, RESERVED, infoHash, peerId);
}

export function message(kind: number, ...payload: readonly Uint8Array[]): Bytes {
  const body = concat(...payload);
  return concat(bigEndian(1 + body.length, 4), bytesOf([kind]), body);
}

export const KEEP_ALIVE: Bytes = new Uint8Array(4);

/** A peer's side of the stream. */
export class Reading {
  readonly #infoHash: Bytes;
  #rest: Bytes = new Uint8Array();
  #greeted = false;

  constructor(infoHash: Bytes) {
    this.#infoHash = infoHash;
  }

  /** The messages that are whole with these bytes. Throws Failure `badPeer`. */
  *take(chunk: Uint8Array): Generator<Message, void> {
    this.#rest = concat(this.#rest, chunk);
    if (!this.#greeted) {
      if (this.#rest.length < HANDSHAKE) {
        return;
      }
      this.#greet(this.#rest);
      this.#rest = this.#rest.slice(HANDSHAKE);
    }
    let at = 0;
    try {
      while (this.#rest.length - at >= 4) {
        const length = numberAt(this.#rest, at);
        if (length > LONGEST) {
          throw new Failure("badPeer", "oversizedMessage");
        }
        if (this.#rest.length - at - 4 < length) {
          return;
        }
        const body = this.#rest.subarray(at + 4, at + 4 + length);
        at += 4 + length;
        if (length > 0) {
          yield { kind: body[0] ?? 0, payload: bytesOf(body.subarray(1)) };
        }
      }
    } finally {
      this.#rest = this.#rest.slice(at);
    }
  }

  #greet(bytes: Bytes): void {
    this.#greeted = true;
    if (!equal(bytes.subarray(0, 20), PROTOCOL)) {
      throw new Failure("badPeer", "badHandshake");
    }
    if (!equal(bytes.subarray(28, 48), this.#infoHash)) {
      throw new Failure("badPeer", "wrongInfoHash");
    }
    if (((bytes[25] ?? 0) & 0x10) === 0) {
      throw new Failure("badPeer", "extensionsNotNegotiated");
    }
    // Without it, whoever chokes drops requests without a word.
    if (((bytes[27] ?? 0) & 0x04) === 0) {
      throw new Failure("badPeer", "fastNotNegotiated");
    }
  }
}

/** The number of four bytes there. */
export function numberAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}
