/** Sealed words are those of the vectors; what was done to one in between does not open. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Primitives } from "../src/crypto/primitives.ts";
import { systemRandom } from "../src/crypto/primitives.ts";
import { Failure, type FailureCode } from "../src/failure.ts";
import { RoomCipher } from "../src/session/cipher.ts";
import { decode, encode, type Word } from "../src/session/envelope.ts";
import type { Side } from "../src/session/side.ts";
import { bytesOf, hex, unhex, utf8, type Bytes } from "../src/util/bytes.ts";
import { KINDS, vectors } from "./vectors.ts";

interface Talk {
  readonly session: string;
  readonly transcript: string;
  readonly words: readonly {
    readonly speaker: Side;
    readonly event: string;
    readonly number: number;
    readonly taken: number;
    readonly content: string;
    readonly paddedLength: number;
    readonly body: string;
  }[];
}

function ciphers(talk: Talk, crypto: Primitives): Record<Side, RoomCipher> {
  const shared = { key: unhex(talk.session), transcript: unhex(talk.transcript) };
  return {
    maker: new RoomCipher(shared, "maker", crypto),
    joiner: new RoomCipher(shared, "joiner", crypto),
  };
}

for (const [kind, crypto] of KINDS) {
  test(`both directions are sealed and opened as in the vectors, ${kind}`, async () => {
    for (const talk of vectors<Talk>("sealing")) {
      const { maker, joiner } = ciphers(talk, crypto);
      for (const said of talk.words) {
        const [speaker, hearer] = said.speaker === "maker" ? [maker, joiner] : [joiner, maker];
        const word = JSON.parse(said.content) as Word;
        const { event, number, taken } = said;
        const sealed = await speaker.seal({ event, word, number, taken });
        assert.equal(sealed.length, said.paddedLength + 16);
        assert.equal(hex(sealed), said.body);
        const opened = await hearer.open(event, sealed);
        assert.deepEqual(opened, { event, word, number, taken });
      }
    }
  });
}

const shared = { key: systemRandom(32), transcript: systemRandom(32) };
const message = (text: string) => ({ event: "message", word: { text }, number: 1, taken: 0 });

const DONE: readonly (readonly [string, (one: Bytes, two: Bytes) => readonly [string, Bytes]])[] = [
  ["altered", (one) => ["message", bytesOf(one.map((byte, at) => (at === 20 ? byte ^ 1 : byte)))]],
  ["renamed", (one) => ["text", one]],
  ["missing", (_, two) => ["message", two]],
  ["empty", () => ["message", new Uint8Array()]],
  ["plain", () => ["message", encode(message("hello"))]],
];
for (const [what, done] of DONE) {
  test(`${what} does not open, nor does anything after it`, async () => {
    const [maker, joiner] = [new RoomCipher(shared, "maker"), new RoomCipher(shared, "joiner")];
    const [one, two] = [await maker.seal(message("one")), await maker.seal(message("two"))];
    await assert.rejects(joiner.open(...done(one, two)), is("tampered"));
    await assert.rejects(joiner.open("message", one), is("tampered"));
  });
}

test("a word that comes twice, or back, does not open", async () => {
  const [maker, joiner] = [new RoomCipher(shared, "maker"), new RoomCipher(shared, "joiner")];
  const one = await maker.seal(message("one"));
  await joiner.open("message", one);
  await assert.rejects(joiner.open("message", one), is("tampered"));
  await assert.rejects(maker.open("message", one), is("tampered"));
});

test("words that come at the same time are opened in their order", async () => {
  const [maker, joiner] = [new RoomCipher(shared, "maker"), new RoomCipher(shared, "joiner")];
  const sealed = await Promise.all(["one", "two", "three"].map((text) => maker.seal(message(text))));
  const opened = await Promise.all(sealed.map((body) => joiner.open("message", body)));
  assert.deepEqual(opened.map(({ word }) => word["text"]), ["one", "two", "three"]);
});

const STRANGE: readonly (readonly [string, Bytes])[] = [
  ["nothing", new Uint8Array()],
  ["numbers alone", new Uint8Array(16)],
  ["no JSON", bytesOf([...new Uint8Array(16), ...utf8("{]")])],
  ["no UTF-8", bytesOf([...new Uint8Array(16), 0x22, 0xff, 0x22])],
  ["a list", bytesOf([...new Uint8Array(16), ...utf8("[1]")])],
  ["null", bytesOf([...new Uint8Array(16), ...utf8("null")])],
  ["a number beyond all", bytesOf([...new Uint8Array(16).fill(255), ...utf8("{}")])],
  ["very deep", bytesOf([...new Uint8Array(16), ...utf8("[".repeat(100_000))])],
];
for (const [what, plain] of STRANGE) {
  test(`not understood: ${what}`, () => {
    assert.throws(() => decode("message", plain), is("notUnderstood"));
  });
}

test("too long a word is not sealed, and takes no number", async () => {
  const [maker, joiner] = [new RoomCipher(shared, "maker"), new RoomCipher(shared, "joiner")];
  await assert.rejects(maker.seal(message("x".repeat(5_000_000))), is("tooLong"));
  const opened = await joiner.open("message", await maker.seal(message("short")));
  assert.equal(opened.word["text"], "short");
});

function is(code: FailureCode): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code;
}
