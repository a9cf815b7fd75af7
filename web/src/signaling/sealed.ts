/**
 * Encoding of a private swarm's offers and answers for a tracker, sealed under the swarm key.
 *
 * A tracker never has that key. The associated data of each description names the swarm, the offer
 * and the peers, so that it cannot be forwarded for another use. Values in, values out.
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { systemRandom, type Primitives, type Random } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { base64, concat, textOf, unbase64, utf8, type Bytes } from "../util/bytes.ts";
import { flatNames } from "./flat_names.ts";

/** What a tracker forwards. */
export interface Description {
  readonly type: "offer" | "answer";
  readonly sdp: string;
}

/** The text of each transport by which its sender can be reached, by name. */
export type Texts = Readonly<Record<string, string>>;

/** The purpose of a description: ids of 20 bytes, as in the tracker's frames. */
export interface Use {
  readonly offerId: Bytes;
  readonly offerer: Bytes;
  /** Undefined in an offer, whose receiver is not known yet. */
  readonly answerer?: Bytes;
}

const ID_LENGTH = 20;
const SWARM_KEY_LENGTH = 32;
const MAX_TEXTS = 8;
const MAX_NAME = 32;
/** A sealed description is a multiple of this many bytes, so that its length reveals little. */
const BUCKET = 2048;
/** Most buckets: 32 KiB of base64, the longest that our own tracker forwards. */
const MAX_BUCKETS = 12;
const NONCE = 12;
const TAG = 16;

export class SealedSignaling {
  /** By which the tracker knows the swarm; only members can derive it. */
  readonly rendezvous: Bytes;
  readonly #keys: Readonly<Record<Description["type"], Bytes>>;

  private constructor(rendezvous: Bytes, offer: Bytes, answer: Bytes) {
    this.rendezvous = rendezvous;
    this.#keys = { offer, answer };
  }

  /** Throws RangeError where the key has another length than 32 bytes. */
  static async of(infoHash: Bytes, swarmKey: Bytes, crypto: Primitives): Promise<SealedSignaling> {
    if (swarmKey.length !== SWARM_KEY_LENGTH) {
      throw new RangeError(`a swarm key has ${SWARM_KEY_LENGTH} bytes`);
    }
    const derived = (label: string, length: number): Promise<Bytes> =>
      crypto.hkdf(swarmKey, infoHash, utf8(`filesend/1 ${label}`), length);
    return new SealedSignaling(
      await derived("rendezvous", ID_LENGTH),
      await derived("offer", 32),
      await derived("answer", 32),
    );
  }

  /** Throws Failure `tooLong`. */
  seal(texts: Texts, use: Use, random: Random = systemRandom): Description {
    const type = use.answerer === undefined ? "offer" : "answer";
    const content = utf8(JSON.stringify(texts));
    const buckets = Math.ceil((content.length + NONCE + TAG) / BUCKET);
    if (buckets > MAX_BUCKETS || Object.keys(texts).length > MAX_TEXTS) {
      throw new Failure("tooLong");
    }
    const padded = new Uint8Array(buckets * BUCKET - NONCE - TAG).fill(0x20);
    padded.set(content);
    const nonce = random(NONCE);
    const sealed = chacha20poly1305(this.#keys[type], nonce, this.#boundTo(use)).encrypt(padded);
    return { type, sdp: base64(concat(nonce, sealed)) };
  }

  /** The texts that were sealed for this use, also those of unknown names. Throws Failure `badSignal`. */
  open(description: Description, use: Use): Texts {
    const type = use.answerer === undefined ? "offer" : "answer";
    if (description.type !== type || description.sdp.length > (MAX_BUCKETS * BUCKET * 4) / 3) {
      throw new Failure("badSignal");
    }
    try {
      const sealed = unbase64(description.sdp);
      const cipher = chacha20poly1305(this.#keys[type], sealed.subarray(0, NONCE), this.#boundTo(use));
      return textsOf(textOf(cipher.decrypt(sealed.subarray(NONCE))));
    } catch {
      throw new Failure("badSignal"); // and no part of it
    }
  }

  /** Ids of fixed length, so that it is unambiguous. */
  #boundTo(use: Use): Bytes {
    const ids = [use.offerId, use.offerer, ...(use.answerer === undefined ? [] : [use.answerer])];
    if (ids.some((id) => id.length !== ID_LENGTH)) {
      throw new Failure("badSignal");
    }
    return concat(this.rendezvous, ...ids);
  }
}

function textsOf(content: string): Texts {
  const entries = flatNames(content);
  const fits = ([name, text]: readonly [string, string]): boolean =>
    name.length >= 1 && Array.from(name).length <= MAX_NAME && typeof text === "string";
  const names = new Set(entries.map(([name]) => name));
  // Two programs may take different texts of a name that stands twice.
  if (names.size !== entries.length || entries.length > MAX_TEXTS || !entries.every(fits)) {
    throw new Failure("badSignal");
  }
  return Object.fromEntries(entries);
}
