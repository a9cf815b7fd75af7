/**
 * SPAKE2 (Abdalla and Pointcheval 2005) over Ed25519, with the messages of python-spake2, close to
 * RFC 9382: one guess at the password a run.
 *
 * A message is `A` from the maker or `B` from the joiner, and a compressed point.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import type { Primitives, Random } from "../crypto/primitives.ts";
import { bytesOf, concat, equal, numberOf, unhex, utf8, type Bytes } from "../util/bytes.ts";
import { otherSide, type Side } from "./side.ts";

const { Point } = ed25519;
type Element = InstanceType<typeof Point>;

const ORDER = Point.Fn.ORDER;
/** Points whose logarithms nobody knows, one a side. */
const BLINDING: Readonly<Record<Side, Element>> = {
  maker: Point.fromBytes(unhex("15cfd18e385952982b6a8f8c7854963b58e34388c8e6dae891db756481a02312")),
  joiner: Point.fromBytes(unhex("f04f2e7eb734b2a8f8b472eaf9c3c632576ac64aea650b496a8a20ff00e583c3")),
};
const MARKS: Readonly<Record<Side, number>> = { maker: 0x41, joiner: 0x42 };
const MESSAGE_LENGTH = 33;

export interface Spake2Names {
  readonly maker: Bytes;
  readonly joiner: Bytes;
}

/** One side of one run: `start` once, then `finish` once. */
export class Spake2 {
  readonly #password: Bytes;
  readonly #names: Spake2Names;
  readonly #side: Side;
  readonly #random: Random;
  readonly #crypto: Primitives;
  #passwordScalar = 0n;
  #scalar = 0n;
  #said: Bytes | undefined;

  constructor(password: Bytes, names: Spake2Names, side: Side, random: Random, crypto: Primitives) {
    this.#password = password;
    this.#names = names;
    this.#side = side;
    this.#random = random;
    this.#crypto = crypto;
  }

  /** This side's message. */
  async start(): Promise<Bytes> {
    const info = utf8("SPAKE2 pw");
    const wide = await this.#crypto.hkdf(this.#password, new Uint8Array(), info, 48);
    this.#passwordScalar = numberOf(wide) % ORDER;
    this.#scalar = numberOf(this.#random(64)) % ORDER;
    const blinding = BLINDING[this.#side].multiply(this.#passwordScalar);
    const message = Point.BASE.multiply(this.#scalar).add(blinding);
    this.#said = bytesOf(message.toBytes());
    return concat(bytesOf([MARKS[this.#side]]), this.#said);
  }

  /** The key of 32 bytes. Throws where the other side cannot have made the message. */
  async finish(message: Bytes): Promise<Bytes> {
    const said = this.#said;
    this.#said = undefined;
    if (said === undefined) {
      throw new Error("not started, or finished already");
    }
    const theirs = otherSide(this.#side);
    const heard = message.slice(1);
    if (message.length !== MESSAGE_LENGTH || message[0] !== MARKS[theirs] || equal(heard, said)) {
      throw new RangeError("not a message of the other side");
    }
    const point = Point.fromBytes(heard);
    if (point.is0() || !point.isTorsionFree()) {
      throw new RangeError("not a point of the group");
    }
    const unblinded = point.subtract(BLINDING[theirs].multiply(this.#passwordScalar));
    const shared = bytesOf(unblinded.multiply(this.#scalar).toBytes());
    const [ofMaker, ofJoiner] = this.#side === "maker" ? [said, heard] : [heard, said];
    const hashed = await Promise.all(
      [this.#password, this.#names.maker, this.#names.joiner].map((part) =>
        this.#crypto.sha256(part),
      ),
    );
    return this.#crypto.sha256(concat(...hashed, ofMaker, ofJoiner, shared));
  }
}
