import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/failure.ts";
import { introductionIn, introductionTyped } from "../src/visit/link.ts";

const RELAY = "https://relay.example";
const SECRET = "A".repeat(42) + "E";

function refused(typed: string, relay = RELAY): string {
  try {
    introductionTyped(typed, relay);
  } catch (error) {
    assert.ok(error instanceof Failure);
    assert.equal(error.code, "invalidCode");
    return error.detail;
  }
  assert.fail(`${typed} was taken`);
}

test("a code is typed as everywhere", () => {
  assert.deepEqual(introductionTyped(" 4711 apple violin", RELAY), introductionIn("#4711-apple-violin"));
});

test("a link to this relay introduces by what stands behind its #", () => {
  for (const link of [
    `${RELAY}/r#${SECRET}`,
    `  ${RELAY}:443/r#${SECRET}\n`,
    `HTTPS://Relay.example/r#${SECRET}`,
  ]) {
    assert.deepEqual(introductionTyped(link, RELAY), introductionIn(`#${SECRET}`));
  }
  assert.deepEqual(introductionTyped(`${RELAY}/r#4711-apple-violin`, RELAY), introductionIn("#4711-apple-violin"));
});

test("a link to another relay is told of, and nothing of it is used here", () => {
  for (const link of [
    `https://other.example/r#${SECRET}`,
    `http://relay.example/r#${SECRET}`,
    `https://relay.example:8421/r#${SECRET}`,
    `https://relay.example@other.example/r#${SECRET}`,
    `https://[/r#${SECRET}`,
  ]) {
    assert.equal(refused(link), "elsewhere");
  }
});

test("what is no link and no code is neither", () => {
  for (const typed of ["", "apple", `${RELAY}/r#`, `${RELAY}/r#${SECRET}x`, SECRET]) {
    assert.equal(refused(typed), "none");
  }
});
