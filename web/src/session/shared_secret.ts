/**
 * A secret that two people hold already, and the place at a relay where its holders meet.
 *
 * Unlike a code's words it cannot be guessed, so it survives a failed attempt.
 */

import type { Primitives } from "../crypto/primitives.ts";
import { utf8, type Bytes } from "../util/bytes.ts";

/** Bytes of a secret, which are random, and of a place. */
export const SECRET_LENGTH = 32;

const PLACE = utf8("filesend/place/1");

export interface Secret {
  readonly kind: "secret";
  readonly value: Bytes;
}

/** Throws RangeError where it has another length than 32 bytes. */
export function secretOf(value: Bytes): Secret {
  if (value.length !== SECRET_LENGTH) {
    throw new RangeError(`a secret has ${SECRET_LENGTH} bytes`);
  }
  return { kind: "secret", value };
}

/** What a relay is told, by which it matches the two holders; it learns nothing else of it. */
export async function placeOf(secret: Secret, crypto: Primitives): Promise<Bytes> {
  return crypto.hkdf(secret.value, new Uint8Array(), PLACE, 32);
}
