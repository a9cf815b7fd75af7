/**
 * The pairing handshake: one pairing through a room, from its first word to both people's `hello`.
 *
 * The rules of pairing are pairing.ts's; here its words are sent and received, and a time bounds it.
 */

import { Failure } from "../failure.ts";
import type { Heard, Line } from "../relay/room.ts";
import { RoomCipher } from "./cipher.ts";
import { helloOf, helloWord, type Hello } from "./hello.ts";
import type { Introduction } from "./key_agreement.ts";
import { Pairing, type PairingWord, type SharedKey } from "./pairing.ts";
import type { Side } from "./side.ts";

/** Milliseconds for pairing, from when the relay put both sides in a room. */
const TIMEOUT = 30_000;

/** What two people hold once they are paired. */
export interface Agreed {
  readonly shared: SharedKey;
  readonly side: Side;
  /** Has sealed and opened one word already. */
  readonly cipher: RoomCipher;
  /** The other side's. */
  readonly hello: Hello;
  /** Of a session that goes on, the last word of this side's that the other has taken. */
  readonly taken: number;
}

/**
 * Pair with the other side of a room. `taken` is, of a session that goes on, the number of the last
 * word that this side took.
 *
 * Throws Failure: `wrongCode` where it does not know the words, or left when it may have tested a
 * guess at them; `wrongSecret`; `pairingFailed`; `somebodyBetween`; `relayLost`; `tampered`.
 */
export async function pair(
  introduction: Introduction,
  side: Side,
  hello: Hello,
  line: Line,
  taken = 0,
  timeout = TIMEOUT,
): Promise<Agreed> {
  const pairing = new Pairing(introduction, side);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Failure("pairingFailed", "late")), timeout);
  });
  late.catch(() => undefined); // nobody may be waiting just then
  try {
    return await run(pairing, side, hello, taken, {
      say: (event, body) => line.say(event, body),
      hear: () => Promise.race([line.hear(), late]),
    });
  } catch (error) {
    // With this side's proof the other side can test its guess, and need not answer.
    throw pairing.isExposed ? new Failure(pairing.unproven) : asPairing(error);
  } finally {
    clearTimeout(timer);
  }
}

async function run(
  pairing: Pairing,
  side: Side,
  hello: Hello,
  taken: number,
  line: Line,
): Promise<Agreed> {
  const opening = await pairing.start();
  let heard: Heard;
  if (pairing.listensFirst) {
    heard = await line.hear();
    await say(line, [opening]);
  } else {
    await say(line, [opening]);
    heard = await line.hear();
  }
  for (;;) {
    await say(line, await pairing.receive(heard.event, heard.body));
    if (pairing.state === "paired") {
      break;
    }
    heard = await line.hear();
  }
  const shared = await pairing.sharedKey();
  const cipher = new RoomCipher(shared, side);
  const own = { event: "hello", word: helloWord(hello), number: 0, taken } as const;
  await line.say("hello", await cipher.seal(own));
  const answer = await line.hear();
  const theirs = await cipher.open(answer.event, answer.body);
  if (theirs.event !== "hello") {
    throw new Failure("pairingFailed");
  }
  return { shared, side, cipher, hello: helloOf(theirs.word), taken: theirs.taken };
}

async function say(line: Line, words: readonly PairingWord[]): Promise<void> {
  for (const { event, body } of words) {
    await line.say(event, body);
  }
}

/** Whoever is gone while pairing has not paired. */
function asPairing(error: unknown): unknown {
  return error instanceof Failure && error.code === "partnerGone"
    ? new Failure("pairingFailed", "gone")
    : error;
}
