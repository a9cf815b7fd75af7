/** What a tracker sees of a private swarm is as in the vectors, and opens for its own use alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "../src/crypto/primitives.ts";
import { Failure, type FailureCode } from "../src/failure.ts";
import { SealedSignaling, type Description, type Texts, type Use } from "../src/signaling/sealed.ts";
import { flatNames } from "../src/signaling/flat_names.ts";
import { hex, unhex } from "../src/util/bytes.ts";
import { draws, KINDS, vectors } from "./vectors.ts";

interface Swarm {
  readonly infoHash: string;
  readonly swarmKey: string;
  readonly rendezvous: string;
  readonly descriptions: readonly {
    readonly offerId: string;
    readonly offerer: string;
    readonly answerer: string;
    readonly nonce: string;
    readonly texts: Texts;
    readonly sealed: Description;
  }[];
}

for (const [kind, crypto] of KINDS) {
  test(`swarms are those of the vectors, ${kind}`, async () => {
    for (const vector of vectors<Swarm>("signaling")) {
      const swarm = await SealedSignaling.of(unhex(vector.infoHash), unhex(vector.swarmKey), crypto);
      assert.equal(hex(swarm.rendezvous), vector.rendezvous);
      for (const { offerId, offerer, answerer, nonce, texts, sealed } of vector.descriptions) {
        const use: Use = {
          offerId: unhex(offerId),
          offerer: unhex(offerer),
          ...(answerer === "" ? {} : { answerer: unhex(answerer) }),
        };
        assert.deepEqual(swarm.open(sealed, use), texts);
        assert.deepEqual(swarm.seal(texts, use, draws(nonce)), sealed);
      }
    }
  });
}

const id = () => systemRandom(20);
const [, [, crypto]] = KINDS as [unknown, (typeof KINDS)[number]];

test("a description opens for its use alone", async () => {
  const swarm = await SealedSignaling.of(id(), systemRandom(32), crypto);
  const other = await SealedSignaling.of(id(), systemRandom(32), crypto);
  const offer = { offerId: id(), offerer: id() };
  const sealed = swarm.seal({ webrtc: "v=0" }, offer);
  assert.deepEqual(swarm.open(sealed, offer), { webrtc: "v=0" });
  const asAnswer: Description = { ...sealed, type: "answer" };
  const tries: readonly (() => unknown)[] = [
    () => other.open(sealed, offer),
    () => swarm.open(sealed, { ...offer, offerId: id() }),
    () => swarm.open(sealed, { ...offer, offerer: id() }),
    () => swarm.open(asAnswer, { ...offer, answerer: id() }),
    () => swarm.open({ ...sealed, sdp: "" }, offer),
    () => swarm.open({ ...sealed, sdp: "v=0\r\n" }, offer),
    () => swarm.open({ ...sealed, sdp: sealed.sdp.repeat(20) }, offer),
    () => swarm.open(sealed, { offerId: new Uint8Array(3), offerer: id() }),
  ];
  for (const attempt of tries) {
    assert.throws(attempt, is("badSignal"));
  }
});

test("bounds hold for both sides", async () => {
  const swarm = await SealedSignaling.of(id(), systemRandom(32), crypto);
  const use = { offerId: id(), offerer: id() };
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`t${n}`, ""]));
  assert.throws(() => swarm.seal(many, use), is("tooLong"));
  assert.throws(() => swarm.seal({ webrtc: "x".repeat(30_000) }, use), is("tooLong"));
  assert.throws(() => swarm.open(swarm.seal({ ["x".repeat(33)]: "" }, use), use), is("badSignal"));
  assert.throws(() => swarm.open(swarm.seal({ "": "" }, use), use), is("badSignal"));
  await assert.rejects(SealedSignaling.of(id(), systemRandom(31), crypto), RangeError);
});

test("names are told also where one stands twice", () => {
  assert.deepEqual(flatNames(' {"a" : "1", "\\u0061":"\\"}", "b":""} '), [
    ["a", "1"],
    ["a", '"}'],
    ["b", ""],
  ]);
  assert.deepEqual(flatNames("{ }"), []);
  for (const other of ["[]", '"a"', '{"a":1}', '{"a":{"b":"c"}}', '{"a":"b"', ""]) {
    assert.throws(() => flatNames(other), SyntaxError);
  }
});

function is(code: FailureCode): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code;
}
