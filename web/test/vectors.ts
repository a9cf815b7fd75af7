/** The vectors that the Python side has made, and what they are read with. */

import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { InScript } from "../src/crypto/in_script.ts";
import type { Primitives, Random } from "../src/crypto/primitives.ts";
import { OfTheBrowser } from "../src/crypto/web_crypto.ts";
import { unhex, type Bytes } from "../src/util/bytes.ts";

// From build/test, where the tests run.
const PROTOCOL = new URL("../../../relay/protocol/", import.meta.url);

/** A file of the protocol's folder, parsed. */
export function protocolFile<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, PROTOCOL), "utf-8")) as T;
}

export function vectors<T>(name: string): readonly T[] {
  return protocolFile<{ vectors: readonly T[] }>(`vectors/${name}.json`).vectors;
}

/** Each kind of primitives that a page may have. */
export const KINDS: readonly (readonly [string, Primitives])[] = [
  ["of the browser", new OfTheBrowser(webcrypto.subtle as SubtleCrypto)],
  ["in script", new InScript()],
];

/** Random bytes that are these, in this order. */
export function draws(...parts: readonly string[]): Random {
  const left = parts.map(unhex);
  return (length): Bytes => {
    const part = left.shift();
    if (part?.length !== length) {
      throw new Error(`${length} bytes were asked for, and ${part?.length ?? 0} are next`);
    }
    return part;
  };
}
