/**
 * Key agreements: one message each way, then a key on each side, equal or not.
 *
 * Two kinds behind one interface, which pairing.ts drives: from a code that can be guessed (SPAKE2),
 * and from 32 random bytes that both hold (X25519 and HKDF). Neither proves anything by itself.
 */

import type { Primitives, Random } from "../crypto/primitives.ts";
import type { FailureCode } from "../failure.ts";
import { bigEndian, bytesOf, concat, equal, utf8, type Bytes } from "../util/bytes.ts";
import { codeText, type Code } from "./code.ts";
import { placeOf, type Secret } from "./shared_secret.ts";
import { otherSide, type Side } from "./side.ts";
import { Spake2 } from "./spake2.ts";

/** Separates these keys from any other use of the same words or the same secret. */
export const APP_ID = utf8("filesend/pairing/2");
const OF_SECRETS = utf8("filesend/pairing/2/secret");
/** Bytes of a message of either kind: one for the kind and its side, and 32. */
const MESSAGE_LENGTH = 33;
// None of SPAKE2's, so that a message of one kind is none of the other.
const MARKS: Readonly<Record<Side, number>> = { maker: 0x4d, joiner: 0x4a };

/** What introduces two people to each other. */
export type Introduction = Code | Secret;

/** One side of one agreement: `start` once, then `finish` once. */
export interface KeyAgreement {
  /** Whether a side that stops answering, once it has seen a proof, may have tested a guess. */
  readonly guessable: boolean;
  /** What it is where the other side does not prove that it has the same key. */
  readonly unproven: FailureCode;
  /** What is public of it before any message; each kind has a length of its own. */
  context(): Promise<Bytes>;
  /** This side's message. */
  start(): Promise<Bytes>;
  /** 32 secret bytes. Throws where the other side cannot have made the message. */
  finish(message: Bytes): Promise<Bytes>;
}

export function agreement(
  introduction: Introduction,
  side: Side,
  random: Random,
  crypto: Primitives,
): KeyAgreement {
  return introduction.kind === "code"
    ? new SpakeAgreement(introduction, side, random, crypto)
    : new SecretAgreement(introduction, side, random, crypto);
}

class SpakeAgreement implements KeyAgreement {
  readonly guessable = true;
  readonly unproven = "wrongCode";
  readonly #nameplate: number;
  readonly #spake: Spake2;

  constructor(code: Code, side: Side, random: Random, crypto: Primitives) {
    this.#nameplate = code.nameplate;
    const names = { maker: utf8("filesend/pairing/2/maker"), joiner: utf8("filesend/pairing/2/joiner") };
    this.#spake = new Spake2(utf8(codeText(code)), names, side, random, crypto);
  }

  async context(): Promise<Bytes> {
    return concat(APP_ID, bigEndian(this.#nameplate, 4));
  }

  async start(): Promise<Bytes> {
    return this.#spake.start();
  }

  async finish(message: Bytes): Promise<Bytes> {
    return this.#spake.finish(message);
  }
}

/** HKDF mixes the X25519 result with the secret: if that leaks, what was sent before stays secret. */
class SecretAgreement implements KeyAgreement {
  readonly guessable = false;
  readonly unproven = "wrongSecret";
  readonly #secret: Secret;
  readonly #side: Side;
  readonly #random: Random;
  readonly #crypto: Primitives;
  #own: { readonly key: Bytes; readonly public: Bytes } | undefined;

  constructor(secret: Secret, side: Side, random: Random, crypto: Primitives) {
    this.#secret = secret;
    this.#side = side;
    this.#random = random;
    this.#crypto = crypto;
  }

  async context(): Promise<Bytes> {
    return concat(OF_SECRETS, await placeOf(this.#secret, this.#crypto));
  }

  async start(): Promise<Bytes> {
    const key = this.#random(32);
    this.#own = { key, public: await this.#crypto.x25519Public(key) };
    return concat(bytesOf([MARKS[this.#side]]), this.#own.public);
  }

  async finish(message: Bytes): Promise<Bytes> {
    const own = this.#own;
    this.#own = undefined;
    if (own === undefined) {
      throw new Error("not started, or finished already");
    }
    const theirs = message.slice(1);
    if (message.length !== MESSAGE_LENGTH || message[0] !== MARKS[otherSide(this.#side)]) {
      throw new RangeError("not a message of the other side");
    }
    if (equal(theirs, own.public)) {
      throw new RangeError("this side's own key came back");
    }
    const agreed = await this.#crypto.x25519(own.key, theirs);
    return this.#crypto.hkdf(agreed, this.#secret.value, OF_SECRETS, 32);
  }
}
