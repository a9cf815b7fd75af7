/** An inbox gives what is put, in order, to one reader; then its failure. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/failure.ts";
import { Inbox } from "../src/util/inbox.ts";

const inbox = () => new Inbox<number>(2, () => new Failure("pairingFailed", "flood"));

test("what is put is read in order, before and after somebody waits", async () => {
  const box = inbox();
  box.put(1);
  box.put(2);
  assert.deepEqual([await box.next(), await box.next()], [1, 2]);
  const third = box.next();
  box.put(3);
  assert.equal(await third, 3);
});

test("what was put before a failure is read before it", async () => {
  const box = inbox();
  box.put(1);
  box.fail(new Failure("partnerGone"));
  box.put(2);
  assert.equal(await box.next(), 1);
  await assert.rejects(box.next(), { code: "partnerGone" });
  await assert.rejects(box.next(), { code: "partnerGone" });
});

test("a reader who waits hears of the failure", async () => {
  const box = inbox();
  const waiting = box.next();
  assert.throws(() => box.next(), /somebody reads already/);
  box.fail(new Failure("relayLost"));
  await assert.rejects(waiting, { code: "relayLost" });
});

test("more than it holds is a failure", async () => {
  const box = inbox();
  [1, 2, 3].forEach((number) => box.put(number));
  assert.deepEqual([await box.next(), await box.next()], [1, 2]);
  await assert.rejects(box.next(), { code: "pairingFailed", detail: "flood" });
});
