/** The way of two back into a room: at the place of the next epoch, tried until one leads there. */

import type { Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import type { RelayConnection } from "../relay/connection.ts";
import type { Room } from "../relay/room.ts";
import { secretOfEpoch, toTry } from "../session/epochs.ts";
import type { Hello } from "../session/hello.ts";
import { pair } from "../session/pairing_handshake.ts";
import type { Session } from "../session/session.ts";
import { placeOf, type Secret } from "../session/shared_secret.ts";

/** Milliseconds between two tries: the first, doubled up to the most. */
const [FIRST, MOST] = [500, 30_000];
/** Milliseconds for which somebody who is away is waited for. */
const PATIENCE = 60 * 60 * 1000;

/**
 * Meet the partner of a session again, and have the session go on there. Returns the room; undefined
 * where `wanted` says no more. Throws Failure `partnerGone` where they did not come in an hour.
 */
export async function comeBack(
  session: Session,
  root: Secret,
  hello: Hello,
  relay: () => Promise<RelayConnection>,
  crypto: Primitives,
  wanted: () => boolean,
): Promise<Room | undefined> {
  const until = Date.now() + PATIENCE;
  for (let delay = FIRST; Date.now() < until; delay = Math.min(2 * delay, MOST)) {
    try {
      return await meet(session, root, hello, await relay(), crypto, wanted);
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "tampered") {
        throw error;
      }
    }
    if (!wanted()) {
      return undefined;
    }
    await new Promise((done) => setTimeout(done, delay * (0.75 + Math.random() / 2)));
  }
  throw new Failure("partnerGone", "stayedAway");
}

async function meet(
  session: Session,
  root: Secret,
  hello: Hello,
  relay: RelayConnection,
  crypto: Primitives,
  wanted: () => boolean,
): Promise<Room | undefined> {
  const there: Uint8Array<ArrayBuffer>[] = [];
  const rooms: Promise<() => Promise<Room>>[] = [];
  try {
    for (const epoch of toTry(session.epoch)) {
      const secret = await secretOfEpoch(root, epoch, crypto);
      const place = await placeOf(secret, crypto);
      const { joined, room } = await relay.meet(place);
      const go = async (): Promise<Room> => {
        const entered = await room;
        const side = joined ? "joiner" : "maker";
        const agreed = await pair(secret, side, hello, entered, session.taken);
        await session.enter(agreed, entered, epoch);
        return entered;
      };
      if (joined) {
        return await go();
      }
      there.push(place);
      rooms.push(room.then(() => go));
    }
    const go = await Promise.race(rooms);
    return wanted() ? await go() : undefined;
  } finally {
    for (const place of there) {
      relay.leavePlace(place).catch(() => undefined); // where somebody came it is left already
    }
    for (const room of rooms) {
      room.catch(() => undefined);
    }
  }
}
