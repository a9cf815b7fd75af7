/**
 * The primitives that pairing and sealing are made of, behind one interface; which keys they are
 * used with never lives here.
 *
 * Two kinds: the browser's own (web_crypto.ts), and script (in_script.ts); which one is choice.ts's.
 */

import type { Bytes } from "../util/bytes.ts";

export interface Primitives {
  sha256(content: Bytes): Promise<Bytes>;
  /** For what BitTorrent names and compares by it, and nothing else. */
  sha1(content: Bytes): Promise<Bytes>;
  hmacSha256(key: Bytes, content: Bytes): Promise<Bytes>;
  /** HKDF-SHA256 (RFC 5869); an empty salt is none. */
  hkdf(key: Bytes, salt: Bytes, info: Bytes, length: number): Promise<Bytes>;
  /** The public key of 32 bytes to a private one (RFC 7748). */
  x25519Public(own: Bytes): Promise<Bytes>;
  /** What both sides get. Throws where the other's key is of small order. */
  x25519(own: Bytes, other: Bytes): Promise<Bytes>;
  /** AES-256-GCM, the tag at the end. */
  aesGcmSeal(key: Bytes, nonce: Bytes, bound: Bytes, content: Bytes): Promise<Bytes>;
  /** Throws where it was not sealed like this. */
  aesGcmOpen(key: Bytes, nonce: Bytes, bound: Bytes, sealed: Bytes): Promise<Bytes>;
}

/** Returns so many random bytes: the system's, or fixed ones for test vectors. */
export type Random = (length: number) => Bytes;

/** The system's random bytes, which every page has. */
export const systemRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));
