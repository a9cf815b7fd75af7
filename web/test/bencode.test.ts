/** Bencode: what is written is read back, and nothing but that is read. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, utf8 } from "../src/util/bytes.ts";
import { decode, decodePrefix, encode, type Bencoded } from "../src/wire/bencode.ts";

const VALUES: readonly (readonly [string, Bencoded])[] = [
  ["i0e", 0],
  ["i-42e", -42],
  ["0:", new Uint8Array()],
  ["4:spam", utf8("spam")],
  ["le", []],
  ["l4:spami1eli2eee", [utf8("spam"), 1, [2]]],
  ["d1:a0:2:aai3e1:bdee", new Map<string, Bencoded>([["a", utf8("")], ["aa", 3], ["b", new Map()]])],
];
for (const [text, value] of VALUES) {
  test(`${text} there and back`, () => {
    assert.deepEqual(decode(utf8(text)), value);
    assert.deepEqual(encode(value), utf8(text));
  });
}

test("keys are bytes, and sorted as such", () => {
  const value = new Map<string, Bencoded>([["\xff", 1], ["a", 2]]);
  const written = bytesOf([0x64, 0x31, 0x3a, 0x61, 0x69, 0x32, 0x65, 0x31, 0x3a, 0xff, 0x69, 0x31, 0x65, 0x65]);
  assert.deepEqual(encode(value), written);
  assert.deepEqual(decode(written), value);
});

test("what follows a value is told by its length", () => {
  assert.deepEqual(decodePrefix(utf8("d1:ai1eeREST")), [new Map([["a", 1]]), 8]);
});

const BAD = [
  ...["", "i", "ie", "i-0e", "i01e", "i1", "i1.5e", "i9007199254740993e", "i--1e", "i 1e", "x"],
  ...["5:spam", "04:spam", "-1:", "4", "99999999999999999999:", "9007199254740991:a", ":"],
  ...["l", "li1e", "d", "d1:a", "d1:ae", "di1ei2ee", "d1:bi1e1:ai1ee", "d1:ai1e1:ai1ee", "i1ei2e"],
  "l".repeat(40) + "e".repeat(40),
];
for (const text of BAD) {
  test(`none: ${text.slice(0, 30)}`, () => assert.throws(() => decode(utf8(text)), { code: "badPeer" }));
}
