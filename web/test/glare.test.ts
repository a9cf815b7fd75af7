/** Of two connections between two peers both keep the same. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { onAnswer, onOffer, type Contact } from "../src/meeting/glare.ts";

test("an offer is answered while there is no other", () => {
  const contacts: readonly Contact[] = ["none", "answering", "offered", "open"];
  assert.deepEqual(contacts.map(onOffer), ["take", "leave", "leave", "leave"]);
});

test("where both answered, the offer of the lower peer id wins on both sides", () => {
  assert.equal(onAnswer("answering", "a", "b"), "replace");
  assert.equal(onAnswer("answering", "b", "a"), "leave");
  assert.equal(onAnswer("none", "b", "a"), "take");
  assert.equal(onAnswer("offered", "a", "b"), "leave");
  assert.equal(onAnswer("open", "a", "b"), "leave");
});
