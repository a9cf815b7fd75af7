/** Primitives in script, of @noble: for pages and browsers that lack their own. */

import { gcm } from "@noble/ciphers/aes.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesOf, type Bytes } from "../util/bytes.ts";
import type { Primitives } from "./primitives.ts";

export class InScript implements Primitives {
  async sha256(content: Bytes): Promise<Bytes> {
    return bytesOf(sha256(content));
  }

  async sha1(content: Bytes): Promise<Bytes> {
    return bytesOf(sha1(content));
  }

  async hmacSha256(key: Bytes, content: Bytes): Promise<Bytes> {
    return bytesOf(hmac(sha256, key, content));
  }

  async hkdf(key: Bytes, salt: Bytes, info: Bytes, length: number): Promise<Bytes> {
    return bytesOf(hkdf(sha256, key, salt, info, length));
  }

  async x25519Public(own: Bytes): Promise<Bytes> {
    return bytesOf(x25519.getPublicKey(own));
  }

  async x25519(own: Bytes, other: Bytes): Promise<Bytes> {
    return bytesOf(x25519.getSharedSecret(own, other));
  }

  async aesGcmSeal(key: Bytes, nonce: Bytes, bound: Bytes, content: Bytes): Promise<Bytes> {
    return bytesOf(gcm(key, nonce, bound).encrypt(content));
  }

  async aesGcmOpen(key: Bytes, nonce: Bytes, bound: Bytes, sealed: Bytes): Promise<Bytes> {
    return bytesOf(gcm(key, nonce, bound).decrypt(sealed));
  }
}
