/** Bytes as text and back, and strangers' text made fit to be shown. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "../src/crypto/primitives.ts";
import { helloOf, helloWord } from "../src/session/hello.ts";
import { base64, bigEndian, bytesOf, concat, equal, hex, numberOf, textOf, unbase64, unhex } from "../src/util/bytes.ts";
import { clean } from "../src/util/text.ts";

for (const length of [0, 1, 2, 3, 32, 1000]) {
  test(`${length} bytes as text and back`, () => {
    const bytes = systemRandom(length);
    assert.deepEqual(unbase64(base64(bytes)), bytes);
    assert.equal(base64(bytes), Buffer.from(bytes).toString("base64"));
    assert.deepEqual(unhex(hex(bytes)), bytes);
    assert.deepEqual(bigEndian(numberOf(bytes), length), bytes);
  });
}

test("a body as long as any is written as text", () => {
  const bytes = new Uint8Array(4 * 1024 * 1024 + 1024).fill(7);
  assert.ok(equal(unbase64(base64(bytes)), bytes));
});

for (const text of ["a", "ab", "abc", "abc=d", "abcde===", "a bc", "ab==ab==", "====", "a===", "ab_-", "YQ==\n"]) {
  test(`no base64: ${JSON.stringify(text)}`, () => assert.throws(() => unbase64(text), RangeError));
}

test("what does not fit or is no text is refused", () => {
  assert.throws(() => bigEndian(256, 1), RangeError);
  assert.throws(() => bigEndian(-1, 8), RangeError);
  assert.throws(() => unhex("0"), RangeError);
  assert.throws(() => unhex("0g"), RangeError);
  assert.throws(() => textOf(bytesOf([0xff])), TypeError);
});

test("bytes are equal where all of them are", () => {
  assert.ok(equal(bytesOf([1, 2]), concat(bytesOf([1]), bytesOf([2]))));
  assert.ok(!equal(bytesOf([1, 2]), bytesOf([1, 3])));
  assert.ok(!equal(bytesOf([1, 2]), bytesOf([1])));
});

const SHOWN: readonly (readonly [string, string])[] = [
  ["Ann", "Ann"],
  ["Борис 😀", "Борис 😀"],
  ["two\r\nlines\u2028three", "two lines three"],
  ["\u202eexe.txt\u0000\u001b[31m", "exe.txt[31m"],
  ["half \ud800 a letter", "half  a letter"],
  ["x".repeat(300), `${"x".repeat(199)}…`],
];
for (const [text, shown] of SHOWN) {
  test(`shown: ${JSON.stringify(text.slice(0, 30))}`, () => assert.equal(clean(text), shown));
}

test("who somebody is and what for", () => {
  assert.deepEqual(helloOf({ name: "Ann\n", wants: "send" }), { name: "Ann", wants: "send", guest: false });
  assert.deepEqual(helloOf({ name: "\u202e" }), { name: "?", wants: "both", guest: false });
  assert.deepEqual(helloOf({ name: "Ann", wants: "dance", new: 1 }).wants, "both");
  for (const word of [{}, { name: 1 }, { name: "x".repeat(65) }, { name: null }]) {
    assert.throws(() => helloOf(word), { code: "notUnderstood" });
  }
  assert.equal(helloWord({ name: "😀".repeat(70), wants: "both", guest: false })["name"], "😀".repeat(64));
});
