/**
 * Sealing: the words of two people through a room of a relay, encrypted and authenticated.
 *
 * AES-256-GCM with a key for each direction. The nonce is the count of words in that direction; the
 * associated data names the pairing, the direction, the count and the event. So a word that was
 * altered, dropped, replayed, reordered, renamed, reflected or taken from another pairing does not
 * open, nor does any word after it. Sans-IO: envelopes in, sealed bytes out.
 */

import { primitives } from "../crypto/choice.ts";
import type { Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { bigEndian, bytesOf, concat, utf8, type Bytes } from "../util/bytes.ts";
import { decode, encode, type Envelope } from "./envelope.ts";
import type { SharedKey } from "./pairing.ts";
import { otherSide, type Side } from "./side.ts";

const CONTEXT = utf8("filesend/sealing/2");

export type EpochKey = Pick<SharedKey, "key" | "transcript">;

/** Both directions of one epoch. What is sealed must be sent in the order of the calls. */
export class RoomCipher {
  readonly #out: Direction;
  readonly #in: Direction;

  constructor(shared: EpochKey, side: Side, crypto: Primitives = primitives()) {
    this.#out = new Direction(shared, side, crypto);
    this.#in = new Direction(shared, otherSide(side), crypto);
  }

  /** Throws Failure `tooLong`; then nothing was sealed. */
  async seal(envelope: Envelope): Promise<Bytes> {
    return this.#out.seal(envelope.event, encode(envelope));
  }

  /** Throws Failure `tampered`, or `notUnderstood`; then nothing opens from now on. */
  async open(event: string, body: Bytes): Promise<Envelope> {
    return this.#in.open(event, body);
  }
}

class Direction {
  readonly #crypto: Primitives;
  readonly #key: Promise<Bytes>;
  readonly #bound: Bytes;
  #count = 0;
  /** Words are opened one after the other, as each count is that of the one before and one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(shared: EpochKey, speaker: Side, crypto: Primitives) {
    this.#crypto = crypto;
    this.#key = crypto.hkdf(shared.key, shared.transcript, concat(CONTEXT, utf8(`/${speaker}`)), 32);
    this.#key.catch(() => undefined); // whoever seals or opens hears of it
    this.#bound = concat(CONTEXT, shared.transcript, bytesOf([speaker === "joiner" ? 1 : 0]));
  }

  async seal(event: string, content: Bytes): Promise<Bytes> {
    const nonce = bigEndian(this.#count++, 12);
    return this.#crypto.aesGcmSeal(await this.#key, nonce, this.#boundTo(nonce, event), content);
  }

  open(event: string, body: Bytes): Promise<Envelope> {
    // Behind one that did not open, none does.
    const opened = this.#last.then(
      () => this.#openNext(event, body),
      () => {
        throw new Failure("tampered");
      },
    );
    this.#last = opened;
    return opened;
  }

  async #openNext(event: string, body: Bytes): Promise<Envelope> {
    const nonce = bigEndian(this.#count, 12);
    const bound = this.#boundTo(nonce, event);
    const key = await this.#key;
    const content = await this.#crypto.aesGcmOpen(key, nonce, bound, body).catch(() => {
      throw new Failure("tampered");
    });
    this.#count += 1;
    return decode(event, content);
  }

  #boundTo(nonce: Bytes, event: string): Bytes {
    return concat(this.#bound, nonce, utf8(event));
  }
}
