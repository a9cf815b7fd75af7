/** A session goes on in another room: what was not taken is said again, once and in order. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { primitives } from "../src/crypto/choice.ts";
import { systemRandom } from "../src/crypto/primitives.ts";
import { Failure } from "../src/failure.ts";
import type { Heard, Line } from "../src/relay/room.ts";
import type { RoutedEvent } from "../src/relay/words.ts";
import { RoomCipher } from "../src/session/cipher.ts";
import type { Agreed } from "../src/session/pairing_handshake.ts";
import { Session } from "../src/session/session.ts";
import type { Side } from "../src/session/side.ts";
import type { Bytes } from "../src/util/bytes.ts";
import { hexed, unhexed } from "../src/util/json.ts";
import { Inbox } from "../src/util/inbox.ts";

/** One end of a room in memory. */
class End implements Line {
  readonly inbox = new Inbox<Heard>(100, () => new Failure("pairingFailed"));
  other: End | undefined;
  swallows = false;

  async say(event: RoutedEvent, body: Bytes): Promise<void> {
    if (!this.swallows) {
      this.other?.inbox.put({ event, body });
    }
  }

  hear(): Promise<Heard> {
    return this.inbox.next();
  }

  lose(): void {
    this.inbox.fail(new Failure("relayLost"));
  }
}

function room(): readonly [End, End] {
  const [one, other] = [new End(), new End()];
  [one.other, other.other] = [other, one];
  return [one, other];
}

function agreed(shared: Agreed["shared"], side: Side, taken = 0): Agreed {
  const cipher = new RoomCipher(shared, side, primitives());
  return { shared, side, cipher, hello: { name: side, wants: "both", guest: false }, taken };
}

function newShared(): Agreed["shared"] {
  return { key: systemRandom(32), transcript: systemRandom(32), verification: "a b c" };
}

function paired(): { ann: Session; bob: Session; here: End; there: End } {
  const [here, there] = room();
  const shared = newShared();
  const ann = Session.begun(agreed(shared, "maker"), here);
  const bob = Session.begun(agreed(shared, "joiner"), there);
  return { ann, bob, here, there };
}

async function again(ann: Session, bob: Session, epoch = 1): Promise<void> {
  const [here, there] = room();
  const shared = newShared();
  const [toAnn, toBob] = [agreed(shared, "maker", bob.taken), agreed(shared, "joiner", ann.taken)];
  await Promise.all([ann.enter(toAnn, here, epoch), bob.enter(toBob, there, epoch)]);
}

async function texts(session: Session, count: number): Promise<unknown[]> {
  const heard = [];
  while (heard.length < count) {
    heard.push((await session.next()).word["text"]);
  }
  return heard;
}

test("what is said while there is no room is said in the next one, once and in order", async () => {
  const { ann, bob, here, there } = paired();
  await ann.say("message", { text: 1 });
  assert.deepEqual(await texts(bob, 1), [1]);
  here.swallows = true;
  await ann.say("message", { text: 2 }); // it went nowhere, and nobody knows
  const away: string[] = [];
  [ann.onAway, bob.onAway] = [() => away.push("ann"), () => away.push("bob")];
  const [toBob, toAnn] = [texts(bob, 3), texts(ann, 1)];
  here.lose();
  there.lose();
  await new Promise((done) => setTimeout(done, 0));
  assert.deepEqual(away.sort(), ["ann", "bob"]);
  await ann.say("message", { text: 3 });
  await ann.say("progressUpdate", { text: "a figure, which is worth nothing later" });
  await bob.say("message", { text: "b1" });
  await again(ann, bob);
  await ann.say("message", { text: 4 });
  assert.deepEqual(await toBob, [2, 3, 4]);
  assert.deepEqual(await toAnn, ["b1"]);
  assert.equal(ann.epoch, 1);
});

test("a partner who has taken what was never said is none", async () => {
  const { ann } = paired();
  const [here] = room();
  await assert.rejects(ann.enter(agreed(newShared(), "maker", 1), here, 1), { code: "tampered" });
});

test("what does not open ends it, and no room is waited for", async () => {
  const { ann, here } = paired();
  let away = 0;
  ann.onAway = () => (away += 1);
  here.inbox.put({ event: "message", body: systemRandom(600) });
  await assert.rejects(ann.next(), { code: "tampered" });
  assert.equal(away, 0);
});

test("who gives up waits no longer", async () => {
  const { ann, here } = paired();
  const next = ann.next();
  here.lose();
  await new Promise((done) => setTimeout(done, 0));
  ann.fail(new Failure("partnerGone", "stayedAway"));
  await assert.rejects(next, { code: "partnerGone" });
  await assert.rejects(ann.next(), { code: "partnerGone" });
});

test("a page that is loaded anew says what was not taken, and takes nothing twice", async () => {
  const { ann, bob, here } = paired();
  await ann.say("message", { text: 1 });
  await bob.say("message", { text: "b1" });
  assert.deepEqual(await texts(ann, 1), ["b1"]);
  assert.deepEqual(await texts(bob, 1), [1]);
  here.swallows = true;
  await ann.say("message", { text: 2 });
  const restored = Session.restored(JSON.parse(JSON.stringify(ann.state, hexed), unhexed));
  assert.equal(restored.verification, ann.verification);
  await again(restored, bob);
  await bob.say("message", { text: "b2" });
  assert.deepEqual(await texts(bob, 1), [2]);
  assert.deepEqual(await texts(restored, 1), ["b2"]);
});

test("a word is kept before it is sent", async () => {
  const { ann, here } = paired();
  const seen: string[] = [];
  ann.onSaid = () => seen.push(`kept ${ann.state.stream.said}`);
  here.say = async (event) => void seen.push(`sent ${event}`);
  await ann.say("message", { text: 1 });
  await ann.say("progressUpdate", {});
  assert.deepEqual(seen, ["kept 1", "sent message", "sent progressUpdate"]);
});
