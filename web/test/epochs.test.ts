/** Where two meet again is derived as in the vectors. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rootOf, secretOfEpoch, toTry } from "../src/session/epochs.ts";
import { placeOf } from "../src/session/shared_secret.ts";
import { hex, unhex } from "../src/util/bytes.ts";
import { KINDS, vectors } from "./vectors.ts";

interface Derived {
  readonly session: string;
  readonly transcript: string;
  readonly root: string;
  readonly epochs: readonly { readonly epoch: number; readonly secret: string; readonly place: string }[];
}

for (const [kind, crypto] of KINDS) {
  test(`root, secrets and places are those of the vectors, ${kind}`, async () => {
    for (const { session, transcript, root, epochs } of vectors<Derived>("epochs")) {
      const shared = { key: unhex(session), transcript: unhex(transcript), verification: "" };
      const derived = await rootOf(shared, crypto);
      assert.equal(hex(derived.value), root);
      for (const { epoch, secret, place } of epochs) {
        const made = await secretOfEpoch(derived, epoch, crypto);
        assert.equal(hex(made.value), secret);
        assert.equal(hex(await placeOf(made, crypto)), place);
      }
    }
  });
}

test("the last handshake is tried again, as the other may not have seen its end", () => {
  assert.deepEqual(toTry(0), [1]);
  assert.deepEqual(toTry(4), [5, 4]);
});
