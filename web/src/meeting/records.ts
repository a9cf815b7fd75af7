/**
 * Sealed records: what protects the bytes in a pipe of a relay, as a page has no TLS of its own.
 *
 * X25519 with a key that each side makes for this pipe, HKDF-SHA256, and AES-256-GCM with a key for
 * each direction. A record is the length of what is sealed (2 bytes, big-endian), which is also its
 * associated data, and that; the nonce is the count of records in that direction. An empty one says
 * that nothing follows. Sans-IO: bytes in, bytes out.
 */

import type { Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { bigEndian, bytesOf, concat, numberOf, utf8, type Bytes } from "../util/bytes.ts";

/** Bytes of a key. */
export const KEY = 32;
/** Most bytes of content in one record. */
export const MOST_CONTENT = 32 * 1024;

const CONTEXT = utf8("filesend/pipe/1");
const [LENGTH, NONCE, TAG] = [2, 12, 16];

/** Both directions of a pipe. `offered`: this side made the offer. Throws where theirs is no key. */
export async function agree(
  own: Bytes,
  theirs: Bytes,
  pipe: Bytes,
  offered: boolean,
  crypto: Primitives,
): Promise<readonly [Sealing, Opening]> {
  const [ours, shared] = await Promise.all([crypto.x25519Public(own), crypto.x25519(own, theirs)]);
  const keys = offered ? [ours, theirs] : [theirs, ours];
  const derived = await crypto.hkdf(shared, pipe, concat(CONTEXT, ...keys), 2 * KEY);
  const [ofOffer, ofAnswer] = [derived.slice(0, KEY), derived.slice(KEY)];
  return offered
    ? [new Sealing(ofOffer, crypto), new Opening(ofAnswer, crypto)]
    : [new Sealing(ofAnswer, crypto), new Opening(ofOffer, crypto)];
}

/** The direction in which this side sends. What is sealed must be sent in the order of the calls. */
export class Sealing {
  readonly #key: Bytes;
  readonly #crypto: Primitives;
  #count = 0;

  constructor(key: Bytes, crypto: Primitives) {
    this.#key = key;
    this.#crypto = crypto;
  }

  /** Records of this content, in a row; the last one of all where it is empty. */
  async seal(content: Bytes): Promise<Bytes> {
    const records: Promise<Bytes>[] = [];
    for (let at = 0; at === 0 || at < content.length; at += MOST_CONTENT) {
      records.push(this.#record(content.subarray(at, at + MOST_CONTENT)));
    }
    return concat(...(await Promise.all(records)));
  }

  async #record(content: Bytes): Promise<Bytes> {
    const [nonce, length] = [bigEndian(this.#count++, NONCE), bigEndian(content.length + TAG, LENGTH)];
    return concat(length, await this.#crypto.aesGcmSeal(this.#key, nonce, length, content));
  }
}

/** The direction in which the other side sends. One call at a time. */
export class Opening {
  readonly #key: Bytes;
  readonly #crypto: Primitives;
  #count = 0;
  #unread: Bytes = bytesOf([]);
  #ended = false;

  constructor(key: Bytes, crypto: Primitives) {
    this.#key = key;
    this.#crypto = crypto;
  }

  /** Whether the last record of all has come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The content of the records that are whole with these bytes. Throws Failure `noChannel`. */
  async open(data: Bytes): Promise<readonly Bytes[]> {
    this.#unread = this.#unread.length === 0 ? data : concat(this.#unread, data);
    const contents: Bytes[] = [];
    while (!this.#ended && this.#unread.length >= LENGTH) {
      const length = this.#unread.slice(0, LENGTH);
      const size = Number(numberOf(length));
      if (size < TAG || size > MOST_CONTENT + TAG) {
        throw tampered();
      }
      if (this.#unread.length < LENGTH + size) {
        break;
      }
      const content = await this.#content(this.#unread.slice(LENGTH, LENGTH + size), length);
      this.#unread = this.#unread.subarray(LENGTH + size);
      if (content.length > 0) {
        contents.push(content);
      }
    }
    if (this.#ended && this.#unread.length > 0) {
      throw tampered();
    }
    return contents;
  }

  async #content(sealed: Bytes, length: Bytes): Promise<Bytes> {
    const nonce = bigEndian(this.#count, NONCE);
    const content = await this.#crypto.aesGcmOpen(this.#key, nonce, length, sealed).catch(() => {
      throw tampered();
    });
    this.#count += 1;
    this.#ended = content.length === 0;
    return content;
  }
}

/** The relay altered what it carries, or a stranger is at the other end: the channel is over. */
function tampered(): Failure {
  return new Failure("noChannel", "tampered");
}
