/** Bencode (BEP 3), strict and bounded in depth: what a peer sends is a stranger's. */

import { Failure } from "../failure.ts";
import { bytesOf, concat, utf8, type Bytes } from "../util/bytes.ts";

/** Keys are byte strings, written as one code point a byte. */
export type Dictionary = ReadonlyMap<string, Bencoded>;
export type Bencoded = number | Bytes | readonly Bencoded[] | Dictionary;

const MOST_DEEP = 16;
const [INTEGER, LIST, DICTIONARY, END, COLON] = [0x69, 0x6c, 0x64, 0x65, 0x3a];

/** The value that bytes begin with, and how many it takes. Throws Failure `badPeer`. */
export function decodePrefix(bytes: Bytes): readonly [Bencoded, number] {
  const reader = new Reader(bytes);
  return [reader.value(0), reader.at];
}

/** The value that these bytes are, all of them. Throws Failure `badPeer`. */
export function decode(bytes: Bytes): Bencoded {
  const [value, length] = decodePrefix(bytes);
  if (length !== bytes.length) {
    throw bad();
  }
  return value;
}

export function encode(value: Bencoded): Bytes {
  if (typeof value === "number") {
    return utf8(`i${value}e`);
  }
  if (value instanceof Uint8Array) {
    return concat(utf8(`${value.length}:`), value);
  }
  if (value instanceof Map) {
    const keys = [...(value as Dictionary).keys()].sort();
    const parts = keys.flatMap((key) => [encode(ofKey(key)), encode((value as Dictionary).get(key) ?? 0)]);
    return concat(utf8("d"), ...parts, utf8("e"));
  }
  return concat(utf8("l"), ...(value as readonly Bencoded[]).map(encode), utf8("e"));
}

/** A dictionary. Throws Failure `badPeer` where it is none. */
export function dictionary(value: Bencoded | undefined): Dictionary {
  if (!(value instanceof Map)) {
    throw bad();
  }
  return value as Dictionary;
}

/** A whole number from `least` on. Throws Failure `badPeer`. */
export function integer(value: Bencoded | undefined, least = 0): number {
  if (typeof value !== "number" || value < least) {
    throw bad();
  }
  return value;
}

/** A byte string. Throws Failure `badPeer`. */
export function byteString(value: Bencoded | undefined): Bytes {
  if (!(value instanceof Uint8Array)) {
    throw bad();
  }
  return value;
}

function ofKey(key: string): Bytes {
  return bytesOf(Array.from(key, (char) => char.charCodeAt(0)));
}

function bad(): Failure {
  return new Failure("badPeer", "bencode");
}

class Reader {
  readonly #bytes: Bytes;
  at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  value(depth: number): Bencoded {
    if (depth > MOST_DEEP) {
      throw bad();
    }
    switch (this.#bytes[this.at]) {
      case INTEGER:
        this.at += 1;
        return this.#number(END, true);
      case LIST:
        return this.#list(depth);
      case DICTIONARY:
        return this.#dictionary(depth);
      default:
        return this.#string();
    }
  }

  #list(depth: number): readonly Bencoded[] {
    this.at += 1;
    const items: Bencoded[] = [];
    while (!this.#ended()) {
      items.push(this.value(depth + 1));
    }
    return items;
  }

  #dictionary(depth: number): Dictionary {
    this.at += 1;
    const items = new Map<string, Bencoded>();
    let last = "";
    while (!this.#ended()) {
      const key = this.#string().reduce((text, byte) => text + String.fromCharCode(byte), "");
      if (items.size > 0 && key <= last) {
        throw bad(); // out of order, or twice
      }
      last = key;
      items.set(key, this.value(depth + 1));
    }
    return items;
  }

  #string(): Bytes {
    const length = this.#number(COLON, false);
    const value = this.#bytes.slice(this.at, this.at + length);
    this.at += length;
    if (value.length !== length) {
      throw bad();
    }
    return value;
  }

  /** Digits up to a mark, which is passed. */
  #number(mark: number, signed: boolean): number {
    const end = this.#bytes.subarray(0, this.at + 20).indexOf(mark, this.at);
    const text = end < 0 ? "" : String.fromCharCode(...this.#bytes.subarray(this.at, end));
    const number = Number(text);
    if (!(signed ? /^(?:0|-?[1-9][0-9]*)$/ : /^(?:0|[1-9][0-9]*)$/).test(text) || !Number.isSafeInteger(number)) {
      throw bad();
    }
    this.at = end + 1;
    return number;
  }

  #ended(): boolean {
    const ends = this.#bytes[this.at] === END;
    this.at += ends ? 1 : 0;
    return ends;
  }
}
