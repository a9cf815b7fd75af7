/** The channel to the one other member of a private swarm, made again for as long as it breaks. */

import { systemRandom, type Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import type { Channel, Roads } from "../meeting/channel.ts";
import { Meeting } from "../meeting/meeting.ts";
import type { SealedSignaling } from "../signaling/sealed.ts";
import type { Bytes } from "../util/bytes.ts";
import { newPeerId } from "../wire/download.ts";
import { KEEP_ALIVE } from "../wire/messages.ts";

/** Milliseconds between two figures that the partner is told. */
export const FIGURES_EVERY = 250;
/** Milliseconds without a word in a private swarm, after which a keep-alive follows. */
const KEEP_ALIVE_EVERY = 5_000;
/** Milliseconds until a channel that broke is made again. */
const AGAIN_AFTER = 1_000;

/** What a face is told of a transfer, and how it ends one. */
export interface Watch {
  /** So many bytes of so many are here, or were sent. */
  moved(bytes: number, all: number): void;
  /** There is a channel to the partner, or none any more. */
  connected(isOpen: boolean): void;
  /** Aborted where the transfer is given up; its reason is thrown. */
  readonly signal: AbortSignal;
}

export interface Surroundings {
  readonly crypto: Primitives;
  /** The relay's tracker. */
  readonly tracker: string;
  /** Asked for each attempt at a connection. */
  roads(): Promise<Roads>;
}

/**
 * Meet the other member of a swarm and talk to it, again where the channel breaks, until `talk` has
 * returned. Throws what `talk` throws but for `noChannel`, and the reason of an abort.
 */
export async function overChannels(
  signaling: SealedSignaling,
  surroundings: Surroundings,
  watch: Watch,
  talk: (channel: Channel, peerId: Bytes) => Promise<void>,
): Promise<void> {
  for (;;) {
    watch.signal.throwIfAborted();
    const peerId = newPeerId(systemRandom);
    const meeting = new Meeting(signaling, peerId, () => surroundings.roads());
    let channel: Channel | undefined;
    let alive: ReturnType<typeof setInterval> | undefined;
    const giveUp = (): void => {
      meeting.close();
      channel?.close();
    };
    watch.signal.addEventListener("abort", giveUp);
    try {
      await meeting.at(surroundings.tracker);
      const opened = (channel = await meeting.channel);
      alive = setInterval(() => opened.send(KEEP_ALIVE), KEEP_ALIVE_EVERY);
      watch.connected(true);
      await talk(opened, peerId);
      return;
    } catch (error) {
      watch.signal.throwIfAborted();
      if (!(error instanceof Failure) || error.code !== "noChannel") {
        throw error;
      }
      watch.connected(false);
      await new Promise((done) => setTimeout(done, AGAIN_AFTER));
    } finally {
      clearInterval(alive);
      watch.signal.removeEventListener("abort", giveUp);
      giveUp();
    }
  }
}
