/** Pairings are those of the vectors, and whatever is wrong with one fails it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Primitives } from "../src/crypto/primitives.ts";
import { systemRandom } from "../src/crypto/primitives.ts";
import { Failure, type FailureCode } from "../src/failure.ts";
import { parseCode } from "../src/session/code.ts";
import type { Introduction } from "../src/session/key_agreement.ts";
import { Pairing, type PairingWord } from "../src/session/pairing.ts";
import { placeOf, secretOf } from "../src/session/shared_secret.ts";
import { otherSide, SIDES, type Side } from "../src/session/side.ts";
import { bytesOf, concat, hex, unhex, type Bytes } from "../src/util/bytes.ts";
import { draws, KINDS, vectors } from "./vectors.ts";

type Said = Readonly<Record<"nonce" | "random" | PairingWord["event"], string>>;
interface Vector {
  readonly code?: string;
  readonly secret?: string;
  readonly place?: string;
  readonly maker: Said;
  readonly joiner: Said;
  readonly transcript: string;
  readonly keys: { readonly session: string };
  readonly verification: string;
}
type Altering = (word: PairingWord, speaker: Side) => PairingWord;

/** Let both speak until neither has more to say. */
async function talk(
  pairings: Readonly<Record<Side, Pairing>>,
  altered: Altering = (word) => word,
): Promise<Record<Side, Record<string, string>>> {
  const said: Record<Side, Record<string, string>> = { maker: {}, joiner: {} };
  const due: { speaker: Side; word: PairingWord }[] = [];
  for (const speaker of SIDES) {
    due.push({ speaker, word: await pairings[speaker].start() });
  }
  for (let next = due.shift(); next !== undefined; next = due.shift()) {
    const { speaker, word } = next;
    said[speaker][word.event] = hex(word.body);
    const hearer = otherSide(speaker);
    const { event, body } = altered(word, speaker);
    for (const reply of await pairings[hearer].receive(event, body)) {
      due.push({ speaker: hearer, word: reply });
    }
  }
  return said;
}

function two(maker: Introduction, joiner: Introduction = maker): Record<Side, Pairing> {
  return { maker: new Pairing(maker, "maker"), joiner: new Pairing(joiner, "joiner") };
}

function introductionOf(vector: Vector): Introduction {
  return vector.code === undefined
    ? secretOf(unhex(vector.secret ?? ""))
    : parseCode(vector.code);
}

async function replay(vector: Vector, crypto: Primitives): Promise<void> {
  const introduction = introductionOf(vector);
  const made = (side: Side): Pairing =>
    new Pairing(introduction, side, draws(vector[side].nonce, vector[side].random), crypto);
  const pairings = { maker: made("maker"), joiner: made("joiner") };
  const said = await talk(pairings);
  for (const side of SIDES) {
    for (const event of ["pake", "confirm", "commit", "reveal"] as const) {
      assert.equal(said[side][event], vector[side][event], `${side} ${event}`);
    }
    assert.equal(pairings[side].state, "paired");
    const shared = await pairings[side].sharedKey();
    assert.equal(hex(shared.key), vector.keys.session);
    assert.equal(hex(shared.transcript), vector.transcript);
    assert.equal(shared.verification, vector.verification);
  }
}

for (const [kind, crypto] of KINDS) {
  for (const name of ["pairing-code", "pairing-secret"]) {
    vectors<Vector>(name).forEach((vector, number) => {
      test(`${name} ${number}, ${kind}`, () => replay(vector, crypto));
    });
  }
  test(`the place of a secret, ${kind}`, async () => {
    for (const { secret, place } of vectors<Vector>("pairing-secret")) {
      assert.equal(hex(await placeOf(secretOf(unhex(secret ?? "")), crypto)), place);
    }
  });
}

test("only the maker of a code listens first", () => {
  const [code, secret] = [parseCode("4711-apple-violin"), secretOf(systemRandom(32))];
  assert.deepEqual(
    [code, secret].flatMap((by) => SIDES.map((side) => two(by)[side].listensFirst)),
    [true, false, false, false],
  );
});

const code = parseCode("4711-apple-violin");
const secret = secretOf(systemRandom(32));

const failsAs = (code: FailureCode) => (error: unknown): boolean =>
  error instanceof Failure && error.code === code;

test("other words are a wrong code", async () => {
  const other = parseCode("4711-apple-acrobat");
  await assert.rejects(talk(two(code, other)), failsAs("wrongCode"));
});

test("another secret is a wrong secret", async () => {
  await assert.rejects(talk(two(secret, secretOf(systemRandom(32)))), failsAs("wrongSecret"));
});

const flipped = (body: Bytes): Bytes => bytesOf(body.map((byte, at) => (at === body.length - 1 ? byte ^ 1 : byte)));
const ALTERED: readonly (readonly [string, PairingWord["event"], FailureCode, (body: Bytes) => Bytes])[] = [
  ["an altered proof", "confirm", "wrongCode", flipped],
  ["a shorter proof", "confirm", "wrongCode", (body) => body.slice(1)],
  ["an altered commitment", "commit", "somebodyBetween", flipped],
  ["another nonce than was committed to", "reveal", "somebodyBetween", flipped],
  ["a longer nonce", "reveal", "somebodyBetween", (body) => concat(body, bytesOf([0]))],
];
for (const [what, event, as, change] of ALTERED) {
  for (const speaker of SIDES) {
    test(`${what} of the ${speaker}`, async () => {
      const change1 = (word: PairingWord, by: Side): PairingWord =>
        by === speaker && word.event === event ? { event, body: change(word.body) } : word;
      await assert.rejects(talk(two(code), change1), failsAs(as));
    });
  }
}

// Points of order 1, 2, 4 and 8 of Ed25519, one off its curve; u of small order of X25519.
const NO_POINTS = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "0200000000000000000000000000000000000000000000000000000000000000",
];
const NO_KEYS = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
const BAD: readonly (readonly [string, Introduction, string])[] = [
  ...NO_POINTS.map((point) => [`point ${point.slice(0, 8)}`, code, `42${point}`] as const),
  ...NO_KEYS.map((key) => [`key ${key.slice(0, 8)}`, secret, `4a${key}`] as const),
  ["nothing, by a code", code, ""],
  ["nothing, by a secret", secret, ""],
  ["a message of the other kind, by a code", code, `4a${NO_POINTS[4]}`],
  ["one's own role, by a secret", secret, `4d${"09".padEnd(64, "0")}`],
];
for (const [kind, crypto] of KINDS) {
  for (const [what, introduction, message] of BAD) {
    test(`refused: ${what}, ${kind}`, async () => {
      const maker = new Pairing(introduction, "maker", systemRandom, crypto);
      await maker.start();
      await assert.rejects(maker.receive("pake", unhex(message)), failsAs("pairingFailed"));
      assert.equal(maker.state, "failed");
    });
  }
}

for (const by of [code, secret]) {
  test(`its own message that comes back, by a ${by.kind}`, async () => {
    const { maker } = two(by);
    const { body } = await maker.start();
    const [, ...rest] = body;
    const asOther = bytesOf([by.kind === "code" ? 0x42 : 0x4a, ...rest]);
    await assert.rejects(maker.receive("pake", asOther), failsAs("pairingFailed"));
  });
}

test("out of turn fails, and no word is taken after that", async () => {
  const { maker, joiner } = two(secret);
  await maker.start();
  const { body } = await joiner.start();
  await assert.rejects(maker.receive("confirm", body), failsAs("pairingFailed"));
  await assert.rejects(maker.receive("pake", body), failsAs("pairingFailed"));
});

test("a maker that has proven its key is exposed until the other does", async () => {
  const { maker, joiner } = two(code);
  const pake = await maker.start();
  const [confirm, commit] = await joiner.start().then(() => joiner.receive("pake", pake.body));
  assert.ok(confirm !== undefined && commit !== undefined && joiner.isExposed);
  await assert.rejects(joiner.receive("commit", commit.body));
  assert.ok(joiner.isExposed);
});
