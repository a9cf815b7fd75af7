/** What goes through a relay's pipe is as in the vectors, and opens as it was sealed alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "../src/crypto/primitives.ts";
import { Failure } from "../src/failure.ts";
import { framed, Frames } from "../src/meeting/frames.ts";
import { agree, KEY, MOST_CONTENT, type Opening, type Sealing } from "../src/meeting/records.ts";
import { bytesOf, concat, hex, unhex, utf8, type Bytes } from "../src/util/bytes.ts";
import { KINDS, vectors } from "./vectors.ts";

interface End {
  readonly private: string;
  readonly public: string;
  readonly records: readonly { readonly content: string; readonly sealed: string }[];
}

interface PipeVector {
  readonly pipe: string;
  readonly offered: End;
  readonly answered: End;
}

for (const [kind, crypto] of KINDS) {
  test(`records are those of the vectors, ${kind}`, async () => {
    for (const { pipe, ...ends } of vectors<PipeVector>("pipes")) {
      for (const [own, other] of [["offered", "answered"], ["answered", "offered"]] as const) {
        const key = unhex(ends[own].private);
        assert.equal(hex(await crypto.x25519Public(key)), ends[own].public);
        const directions = await agree(key, unhex(ends[other].public), unhex(pipe), own === "offered", crypto);
        for (const { content, sealed } of ends[own].records) {
          assert.equal(hex(await directions[0].seal(unhex(content))), sealed);
        }
        const whole = concat(...ends[other].records.map(({ sealed }) => unhex(sealed)));
        const contents = await directions[1].open(whole);
        assert.deepEqual(contents.map(hex), ends[other].records.map(({ content }) => content).filter(Boolean));
        assert.ok(directions[1].ended);
      }
    }
  });

  test(`a key of small order is none, ${kind}`, async () => {
    await assert.rejects(agree(systemRandom(KEY), new Uint8Array(KEY), systemRandom(16), true, crypto));
  });
}

const [, [, crypto]] = KINDS as [unknown, (typeof KINDS)[number]];

/** What one side seals, and what opens it on the other. */
async function oneWay(): Promise<readonly [Sealing, Opening]> {
  const [ours, theirs, pipe] = [systemRandom(KEY), systemRandom(KEY), systemRandom(16)];
  const [here, there] = [await crypto.x25519Public(ours), await crypto.x25519Public(theirs)];
  const [sealing] = await agree(ours, there, pipe, true, crypto);
  const [, opening] = await agree(theirs, here, pipe, false, crypto);
  return [sealing, opening];
}

test("content of any length arrives however it is cut", async () => {
  for (const length of [1, MOST_CONTENT, MOST_CONTENT + 1, 3 * MOST_CONTENT]) {
    const [sealing, opening] = await oneWay();
    const content = bytesOf(new Uint8Array(length).map((_, at) => at));
    const sealed = await sealing.seal(content);
    const parts: Bytes[] = [];
    for (let at = 0; at < sealed.length; at += 10_007) {
      parts.push(...(await opening.open(sealed.slice(at, at + 10_007))));
    }
    assert.deepEqual(concat(...parts), content);
  }
});

test("what is not as it was sent does not open", async () => {
  const changes: Record<string, (one: Bytes, two: Bytes, last: Bytes) => Bytes> = {
    changed: (one) => concat(one.slice(0, 5), bytesOf([(one[5] ?? 0) ^ 1]), one.slice(6)),
    "left out": (_, two) => two,
    repeated: (one) => concat(one, one),
    "in another order": (one, two) => concat(two, one),
    "too short": () => bytesOf([0, 15]),
    "too long": () => bytesOf([0xff, 0xff]),
    "behind the last": (one, two, last) => concat(one, two, last, bytesOf([1])),
  };
  for (const [what, change] of Object.entries(changes)) {
    const [sealing, opening] = await oneWay();
    const sealed = [await sealing.seal(utf8("one")), await sealing.seal(utf8("two!")), await sealing.seal(bytesOf([]))];
    const [one, two, last] = sealed as [Bytes, Bytes, Bytes];
    await assert.rejects(opening.open(change(one, two, last)), Failure, what);
  }
});

test("frames are read however they are cut", () => {
  const stream = concat(framed(utf8("one")), framed(utf8("x".repeat(70_000))), framed(utf8("three")));
  for (const size of [1, 3, 4, 1_000, stream.length]) {
    const frames = new Frames();
    const parts: Bytes[] = [];
    for (let at = 0; at < stream.length; at += size) {
      parts.push(...frames.take(stream.slice(at, at + size)));
    }
    assert.deepEqual(concat(...parts), utf8(`one${"x".repeat(70_000)}three`));
  }
});

test("a frame of nothing, of bulk, or without end is a bad peer's", () => {
  for (const head of [[0, 0, 0, 0], [0x80, 0, 0, 1], [0, 0x10, 0, 1]]) {
    assert.throws(() => new Frames().take(bytesOf(head)), { code: "badPeer" });
  }
});
