/** The relay's words are those of the schema; what makes no sense is refused. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { base64 } from "../src/util/bytes.ts";
import * as words from "../src/relay/words.ts";
import { protocolFile } from "./vectors.ts";

interface Listed {
  readonly event: string;
  readonly direction: string;
  readonly deliveredAs?: string;
}

test("routed words and the names that they are delivered under are those of the schema", () => {
  const listed = protocolFile<{ words: readonly Listed[] }>("schema/words.json").words;
  const routed = listed.filter(({ direction }) => direction === "routed");
  assert.deepEqual(
    new Map(routed.map(({ event, deliveredAs }) => [deliveredAs ?? event, event])),
    new Map(words.SENT_AS),
  );
});

const lost = { code: "relayLost", detail: "nonsense" };

test("what a relay says is looked at", () => {
  const room = "0123456789abcdef".repeat(2);
  const place = base64(new Uint8Array(32));
  assert.equal(words.roomOf({ room }), room);
  assert.equal(words.nameplateOf({ nameplate: 4711 }), 4711);
  assert.equal(words.placeTextOf({ place }), place);
  assert.equal(words.waitsNow({ room: null }), true);
  assert.deepEqual(words.bodyOf({ body: "AQI=" }), new Uint8Array([1, 2]));
  assert.equal(words.refusalOf({ error: { code: "usedCode", message: "…" } }), "usedCode");
  assert.equal(words.refusalOf({}), undefined);
  const tries: readonly (() => unknown)[] = [
    ...[undefined, null, 1, "", {}, { room: null }, { room: `${room}0` }, { room: room.toUpperCase() }].map(
      (payload) => () => words.roomOf(payload),
    ),
    ...[0, -1, 1.5, 1e9, "4711", NaN].map((nameplate) => () => words.nameplateOf({ nameplate })),
    ...["", "AQI=", place.slice(1)].map((other) => () => words.placeTextOf({ place: other })),
    ...["A", 1, null, "A".repeat(6_000_000)].map((body) => () => words.bodyOf({ body })),
    ...["<b>", 1, ""].map((code) => () => words.refusalOf({ error: { code } })),
  ];
  for (const attempt of tries) {
    assert.throws(attempt, lost);
  }
});

const TURN = { urls: ["turn:t.example:3478"], username: "9:ab", credential: "c" };

test("the STUN and TURN servers of a relay are those that it names, for who needs them", () => {
  assert.deepEqual(words.iceServersOf({ stunPort: 8421, turn: null }, "r.example"), [{ urls: "stun:r.example:8421" }]);
  assert.deepEqual(words.iceServersOf({ stunPort: 8421, turn: null }, "[fd07::1]"), [{ urls: "stun:[fd07::1]:8421" }]);
  for (const here of ["localhost", "127.0.0.1", "[::1]"]) {
    assert.deepEqual(words.iceServersOf({ stunPort: 8421, turn: null }, here), []);
  }
  assert.deepEqual(words.iceServersOf({ stunPort: null, turn: TURN }, "r.example"), [TURN]);
  for (const stunPort of [0, 65_536, 1.5, "8421", -1]) {
    assert.deepEqual(words.iceServersOf({ stunPort, turn: null }, "r.example"), []);
  }
  for (const change of [{ urls: [] }, { urls: ["http://x"] }, { urls: Array(9).fill("turn:x") }, { username: 7 }, { credential: "" }]) {
    assert.throws(() => words.iceServersOf({ stunPort: null, turn: { ...TURN, ...change } }, "r.example"), { code: "relayLost" });
  }
});
