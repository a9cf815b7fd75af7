/**
 * All attempts to reach one peer, one of each transport; the first channel is it, and the others are
 * given up. WebRTC precedes a pipe of the relay's, which begins later, and waits a moment when it is
 * open.
 */

import { Failure } from "../failure.ts";
import type { Texts } from "../signaling/sealed.ts";
import type { Attempt, Channel, Roads } from "./channel.ts";
import { PipeAttempt } from "./pipe.ts";
import { WebRtcAttempt } from "./webrtc.ts";

const [WEBRTC, RELAYED] = ["webrtc", "relayed"] as const;
/** Milliseconds that WebRTC gets before a pipe is asked for, and once that is open. */
const [HEAD_START, GRACE] = [2_000, 1_000];

/** An attempt, and its text. */
type Made<A> = readonly [A, string] | undefined;

export class Race implements Attempt {
  readonly channel: Promise<Channel>;
  readonly #webrtc: WebRtcAttempt | undefined;
  readonly #pipe: PipeAttempt | undefined;

  private constructor(webrtc: WebRtcAttempt | undefined, pipe: PipeAttempt | undefined) {
    [this.#webrtc, this.#pipe] = [webrtc, pipe];
    this.channel = this.#first();
    this.channel.catch(() => undefined); // whoever waits hears of it
  }

  /** A race, and the texts of its offer. Throws Failure `noChannel` where nothing can be offered. */
  static async offering({ crypto, webrtc, transit }: Roads): Promise<readonly [Race, Texts]> {
    return Race.#of(
      await unlessBroken(() => WebRtcAttempt.offering(webrtc)),
      transit && (await unlessBroken(() => PipeAttempt.offering(transit, crypto))),
    );
  }

  /** A race, and the texts of its answer. Throws Failure `noChannel` where nothing of the offer can be used. */
  static async answering({ crypto, webrtc, transit }: Roads, texts: Texts): Promise<readonly [Race, Texts]> {
    const [sdp, piped] = [texts[WEBRTC], texts[RELAYED]];
    const direct = sdp === undefined ? sdp : await unlessBroken(() => WebRtcAttempt.answering(webrtc, sdp));
    if (piped === undefined || transit === undefined) {
      return Race.#of(direct, undefined);
    }
    const later = direct === undefined ? 0 : HEAD_START;
    return Race.#of(direct, await unlessBroken(() => PipeAttempt.answering(transit, crypto, piped, later)));
  }

  static #of(webrtc: Made<WebRtcAttempt>, pipe: Made<PipeAttempt>): readonly [Race, Texts] {
    if (webrtc === undefined && pipe === undefined) {
      throw new Failure("noChannel");
    }
    const texts = { ...(webrtc && { [WEBRTC]: webrtc[1] }), ...(pipe && { [RELAYED]: pipe[1] }) };
    return [new Race(webrtc?.[0], pipe?.[0]), texts];
  }

  /** Take the answer to this side's offer. */
  async take(texts: Texts): Promise<void> {
    const [sdp, piped] = [texts[WEBRTC], texts[RELAYED]];
    const later = sdp === undefined ? 0 : HEAD_START;
    await handed(this.#webrtc, sdp, (attempt, text) => attempt.take(text));
    await handed(this.#pipe, piped, async (attempt, text) => attempt.take(text, later));
  }

  cancel(): void {
    this.#webrtc?.cancel();
    this.#pipe?.cancel();
  }

  async #first(): Promise<Channel> {
    const [webrtc, pipe] = [this.#webrtc, this.#pipe];
    if (webrtc === undefined || pipe === undefined) {
      return (webrtc ?? pipe ?? raise()).channel;
    }
    const piped = pipe.channel.then(async (channel) => {
      await Promise.race([webrtc.channel.catch(() => undefined), after(GRACE)]);
      return channel;
    });
    try {
      const [channel, loser] = await Promise.any([
        webrtc.channel.then((channel) => [channel, pipe] as const),
        piped.then((channel) => [channel, webrtc] as const),
      ]);
      loser.cancel();
      return channel;
    } catch {
      throw new Failure("noChannel"); // of none of them
    }
  }
}

/** What a transport makes; undefined where it cannot, as the others may. */
async function unlessBroken<A>(make: () => Promise<Made<A>>): Promise<Made<A>> {
  try {
    return await make();
  } catch {
    return undefined;
  }
}

/** Hand an attempt the text of the answer; without one that makes sense it is over. */
async function handed<A extends Attempt>(
  attempt: A | undefined,
  text: string | undefined,
  take: (attempt: A, text: string) => Promise<void>,
): Promise<void> {
  if (attempt === undefined) {
    return;
  }
  try {
    await take(attempt, text ?? raise());
  } catch {
    attempt.cancel();
  }
}

function raise(): never {
  throw new Failure("noChannel");
}

function after(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
