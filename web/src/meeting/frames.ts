/**
 * Frames of a channel that is no WebRTC: four bytes, big-endian, whose highest bit marks bulk and
 * whose rest is the number of bytes that follow. A page asks for no bulk. Sans-IO.
 */

import { Failure } from "../failure.ts";
import { bigEndian, concat, type Bytes } from "../util/bytes.ts";

const HEAD = 4;
const BULK = 1 << 31;
const LONGEST = 1024 * 1024;

/** These bytes, of which there is at least one, as a frame. */
export function framed(bytes: Uint8Array): Bytes {
  return concat(bigEndian(bytes.length, HEAD), bytes);
}

/** What comes in frames. */
export class Frames {
  readonly #head = new DataView(new ArrayBuffer(HEAD));
  #inHead = 0;
  #left = 0;

  /** What of these bytes is in frames, in order. Throws Failure `badPeer`. */
  take(bytes: Bytes): readonly Bytes[] {
    const parts: Bytes[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (this.#left === 0) {
        this.#head.setUint8(this.#inHead++, bytes[at++] ?? 0);
        if (this.#inHead === HEAD) {
          this.#begin(this.#head.getInt32(0));
        }
        continue;
      }
      const part = bytes.subarray(at, at + this.#left);
      parts.push(part);
      at += part.length;
      this.#left -= part.length;
    }
    return parts;
  }

  #begin(word: number): void {
    if ((word & BULK) !== 0 || word === 0 || word > LONGEST) {
      throw new Failure("badPeer", (word & BULK) !== 0 ? "unaskedBulk" : "endlessMessage");
    }
    [this.#left, this.#inHead] = [word, 0];
  }
}
