/**
 * The secrets of a session that outlives its rooms: its root, and one for each epoch, by which the
 * two meet again and pair anew.
 */

import type { Primitives } from "../crypto/primitives.ts";
import { bigEndian, concat, utf8 } from "../util/bytes.ts";
import type { SharedKey } from "./pairing.ts";
import { SECRET_LENGTH, secretOf, type Secret } from "./shared_secret.ts";

const ROOT = utf8("filesend/root/1");
const EPOCH = utf8("filesend/epoch/1/");

/** The root of the session that a pairing began. */
export async function rootOf({ key, transcript }: SharedKey, crypto: Primitives): Promise<Secret> {
  return secretOf(await crypto.hkdf(key, transcript, ROOT, SECRET_LENGTH));
}

/** The secret by which the two meet for an epoch, from 1 on. */
export async function secretOfEpoch(root: Secret, epoch: number, crypto: Primitives): Promise<Secret> {
  const info = concat(EPOCH, bigEndian(epoch, 8));
  return secretOf(await crypto.hkdf(root.value, new Uint8Array(), info, SECRET_LENGTH));
}

/**
 * The epochs that a side tries after this one, in order: the other may not have seen the end of the
 * last handshake. That of epoch 0 was the pairing, and cannot be made again.
 */
export function toTry(epoch: number): readonly number[] {
  return epoch === 0 ? [1] : [epoch + 1, epoch];
}
