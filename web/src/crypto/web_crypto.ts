/** Primitives of the browser itself (WebCrypto); X25519 in script where it lacks that. */

import { concat, unhex, type Bytes } from "../util/bytes.ts";
import { InScript } from "./in_script.ts";
import type { Primitives } from "./primitives.ts";

/** What stands before the 32 bytes of a private X25519 key in PKCS #8 (RFC 8410). */
const PKCS8 = unhex("302e020100300506032b656e04220420");
const SHA256 = "SHA-256";

export class OfTheBrowser implements Primitives {
  readonly #subtle: SubtleCrypto;
  readonly #script = new InScript();
  #hasX25519: Promise<boolean> | undefined;

  constructor(subtle: SubtleCrypto) {
    this.#subtle = subtle;
  }

  async sha256(content: Bytes): Promise<Bytes> {
    return new Uint8Array(await this.#subtle.digest(SHA256, content));
  }

  async sha1(content: Bytes): Promise<Bytes> {
    return new Uint8Array(await this.#subtle.digest("SHA-1", content));
  }

  async hmacSha256(key: Bytes, content: Bytes): Promise<Bytes> {
    const algorithm = { name: "HMAC", hash: SHA256 };
    const imported = await this.#subtle.importKey("raw", key, algorithm, false, ["sign"]);
    return new Uint8Array(await this.#subtle.sign("HMAC", imported, content));
  }

  async hkdf(key: Bytes, salt: Bytes, info: Bytes, length: number): Promise<Bytes> {
    const imported = await this.#subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
    const algorithm = { name: "HKDF", hash: SHA256, salt, info };
    return new Uint8Array(await this.#subtle.deriveBits(algorithm, imported, 8 * length));
  }

  async x25519Public(own: Bytes): Promise<Bytes> {
    // WebCrypto tells the public key of a private one in a JWK alone, for which that must leave it.
    return this.#script.x25519Public(own);
  }

  async x25519(own: Bytes, other: Bytes): Promise<Bytes> {
    this.#hasX25519 ??= this.#private(own).then(
      () => true,
      () => false,
    );
    if (!(await this.#hasX25519)) {
      return this.#script.x25519(own, other);
    }
    const [mine, theirs] = await Promise.all([
      this.#private(own),
      this.#subtle.importKey("raw", other, "X25519", false, []),
    ]);
    const algorithm = { name: "X25519", public: theirs };
    return new Uint8Array(await this.#subtle.deriveBits(algorithm, mine, 256));
  }

  async aesGcmSeal(key: Bytes, nonce: Bytes, bound: Bytes, content: Bytes): Promise<Bytes> {
    const imported = await this.#subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData: bound };
    return new Uint8Array(await this.#subtle.encrypt(algorithm, imported, content));
  }

  async aesGcmOpen(key: Bytes, nonce: Bytes, bound: Bytes, sealed: Bytes): Promise<Bytes> {
    const imported = await this.#subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
    const algorithm = { name: "AES-GCM", iv: nonce, additionalData: bound };
    return new Uint8Array(await this.#subtle.decrypt(algorithm, imported, sealed));
  }

  async #private(own: Bytes): Promise<CryptoKey> {
    return this.#subtle.importKey("pkcs8", concat(PKCS8, own), "X25519", false, ["deriveBits"]);
  }
}
