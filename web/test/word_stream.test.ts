/** Words are taken once and in order, and kept until they are acknowledged. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { WordStream } from "../src/session/word_stream.ts";

const word = (number: number, taken = 0) => ({ event: "message", word: {}, number, taken });

test("words are numbered and kept until the partner has them", () => {
  const stream = new WordStream();
  const said = ["message", "progressUpdate", "acknowledge", "pause"].map((event) => stream.say(event, {}));
  assert.deepEqual(said.map(({ number }) => number), [1, 0, 0, 2]);
  assert.deepEqual(stream.unacknowledged().map(({ event }) => event), ["message", "pause"]);
  stream.hear(word(0, 1));
  assert.deepEqual(stream.unacknowledged().map(({ event }) => event), ["pause"]);
  stream.hear(word(0, 2));
  assert.ok(stream.isSettled);
});

test("a word is taken once, and none before one that is missing", () => {
  const stream = new WordStream();
  assert.deepEqual([1, 1, 3, 2, 3, 0, 0].map((number) => stream.hear(word(number))), [
    true,
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
});

test("what was taken is owed an acknowledgement, and what came twice another", () => {
  const stream = new WordStream();
  assert.equal(stream.owes, false);
  stream.hear(word(1));
  assert.equal(stream.owes, true);
  assert.equal(stream.stamped(stream.say("acknowledge", {})).taken, 1);
  assert.equal(stream.owes, false);
  stream.hear(word(1));
  assert.equal(stream.owes, true);
});

test("what answers words that were never said is no partner's", () => {
  const stream = new WordStream();
  stream.say("message", {});
  stream.hear(word(1, 1));
  assert.throws(() => stream.hear(word(2, 2)), { code: "tampered" });
});

test("no more is kept than can be", () => {
  const stream = new WordStream();
  for (let count = 0; count < 4096; count++) {
    stream.say("message", {});
  }
  assert.throws(() => stream.say("message", {}), { code: "tooLong" });
  stream.hear(word(0, 1));
  stream.say("message", {});
});
