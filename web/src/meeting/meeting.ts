/** Meeting the one other member of a private swarm at a tracker: from a swarm key to a channel. */

import { systemRandom } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import type { SealedSignaling, Texts, Use } from "../signaling/sealed.ts";
import { hex, type Bytes } from "../util/bytes.ts";
import type { Attempt, Channel, Roads } from "./channel.ts";
import { onAnswer, onOffer, type Contact } from "./glare.ts";
import { Race } from "./race.ts";
import { binary, TrackerSwarm, type Offer } from "./tracker.ts";

/** Milliseconds between two announces until somebody is met. */
const AGAIN = 5_000;

export class Meeting {
  readonly #signaling: SealedSignaling;
  readonly #peerId: Bytes;
  readonly #roads: () => Promise<Roads>;
  readonly #offers = new Map<string, Race>();
  readonly #done: (channel: Channel) => void;
  readonly #failed: (failure: Failure) => void;
  /** The first channel that opens. Throws Failure `noChannel` where the tracker is lost before. */
  readonly channel: Promise<Channel>;
  #tracker: TrackerSwarm | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #contact: Contact = "none";
  #current: Attempt | undefined;

  /** `roads` is asked for each attempt: a relay that is back has others. */
  constructor(signaling: SealedSignaling, peerId: Bytes, roads: () => Promise<Roads>) {
    this.#signaling = signaling;
    this.#peerId = peerId;
    this.#roads = roads;
    let resolve: (channel: Channel) => void = () => undefined;
    let reject: (failure: Failure) => void = () => undefined;
    this.channel = new Promise((done, failed) => {
      [resolve, reject] = [done, failed];
    });
    this.channel.catch(() => undefined); // whoever waits hears of it
    [this.#done, this.#failed] = [resolve, reject];
  }

  /** Announce this side there. Throws Failure `noChannel`. */
  async at(tracker: string): Promise<void> {
    this.#tracker = await TrackerSwarm.at(tracker, this.#signaling.rendezvous, this.#peerId, {
      offered: (offer, from) => void this.#offered(offer, from).catch(() => undefined),
      answered: (offerId, description, from) => {
        const use = { offerId, offerer: this.#peerId, answerer: from };
        const texts = this.#opened(() => this.#signaling.open(description, use));
        if (texts !== undefined) {
          this.#answered(offerId, texts, from);
        }
      },
      lost: () => this.#failed(new Failure("noChannel", "tracker")),
    });
    await this.#announce("started");
    // Where one announce fails, the next may not.
    this.#timer = setInterval(() => void this.#announce(undefined).catch(() => undefined), AGAIN);
  }

  /** Leave the tracker; a channel that is open stays. */
  close(): void {
    clearInterval(this.#timer);
    this.#tracker?.close();
    this.#failed(new Failure("noChannel", "left"));
    for (const attempt of this.#offers.values()) {
      attempt.cancel();
    }
    this.#offers.clear();
  }

  async #announce(event: "started" | undefined): Promise<void> {
    if (this.#contact !== "none") {
      return;
    }
    const offerId = systemRandom(20);
    const [attempt, texts] = await Race.offering(await this.#roads());
    const use: Use = { offerId, offerer: this.#peerId };
    this.#offers.set(hex(offerId), attempt);
    attempt.channel.catch(() => this.#offers.delete(hex(offerId)));
    this.#tracker?.announce(event, [{ offerId, description: this.#signaling.seal(texts, use) }]);
  }

  async #offered({ offerId, description }: Offer, from: Bytes): Promise<void> {
    const texts = this.#opened(() => this.#signaling.open(description, { offerId, offerer: from }));
    if (texts === undefined || onOffer(this.#contact) !== "take") {
      return;
    }
    this.#contact = "answering";
    const isReplaced = (): boolean => this.#contact !== "answering";
    const made = await this.#answer(texts);
    if (made === undefined) {
      this.#contact = isReplaced() ? this.#contact : "none"; // the next one may be of use
      return;
    }
    const [attempt, answer] = made;
    if (isReplaced()) {
      attempt.cancel(); // an answer to this side's offer came meanwhile, and is the one that goes on
      return;
    }
    this.#follow(attempt);
    const use = { offerId, offerer: from, answerer: this.#peerId };
    this.#tracker?.answer(offerId, from, this.#signaling.seal(answer, use));
  }

  /** A race, and the texts of its answer; undefined where nothing of an offer can be used. */
  async #answer(texts: Texts): Promise<readonly [Race, Texts] | undefined> {
    try {
      return await Race.answering(await this.#roads(), texts);
    } catch {
      return undefined;
    }
  }

  #answered(offerId: Bytes, texts: Texts, from: Bytes): void {
    const attempt = this.#offers.get(hex(offerId));
    const verdict = onAnswer(this.#contact, binary(this.#peerId), binary(from));
    if (attempt === undefined || verdict === "leave") {
      return;
    }
    this.#current?.cancel();
    this.#contact = "offered";
    this.#offers.delete(hex(offerId));
    this.#follow(attempt);
    attempt.take(texts).catch(() => attempt.cancel());
  }

  /** This attempt is the one that goes on. */
  #follow(attempt: Attempt): void {
    this.#current = attempt;
    attempt.channel.then(
      (channel) => this.#open(channel),
      () => {
        if (this.#current === attempt) {
          [this.#current, this.#contact] = [undefined, "none"];
        }
      },
    );
  }

  #open(channel: Channel): void {
    this.#contact = "open";
    clearInterval(this.#timer);
    this.#done(channel);
  }

  /** What a description says; undefined where it is no member's. */
  #opened(open: () => Texts): Texts | undefined {
    try {
      return open();
    } catch {
      return undefined;
    }
  }
}
