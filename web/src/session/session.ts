/**
 * Two people who are paired, and the words that they say to each other, through one room after the
 * other: where a room is lost, words wait for the next.
 *
 * What words mean, and the way back into a room, never live here.
 */

import { Failure } from "../failure.ts";
import type { Line } from "../relay/room.ts";
import type { RoutedEvent } from "../relay/words.ts";
import type { Envelope, Word } from "./envelope.ts";
import type { Agreed } from "./pairing_handshake.ts";
import { WordStream, type StreamState } from "./word_stream.ts";

/** Milliseconds after which a word is acknowledged, where this side has nothing else to say. */
const ACKNOWLEDGED_AFTER = 100;
/** What a line fails with that another can make good. */
const LOST: ReadonlySet<string> = new Set(["relayLost", "relayRefused", "partnerGone"]);

export interface Said {
  readonly event: string;
  readonly word: Word;
}

/** A room in one epoch, and the keys of that. */
interface InRoom {
  readonly agreed: Agreed;
  readonly line: Line;
}

/** What outlives a page that is loaded anew. A secret. */
export interface SessionState {
  readonly partner: Agreed["hello"];
  readonly shared: Agreed["shared"];
  readonly epoch: number;
  readonly stream: StreamState;
}

export class Session {
  readonly partner: Agreed["hello"];
  readonly shared: Agreed["shared"];
  /** Called when there is no room any more. */
  onAway: () => void = () => undefined;
  /** Called when a word has its number, before it is sent: what is kept of the session must have it. */
  onSaid: () => void = () => undefined;
  readonly #stream: WordStream;
  #room: InRoom | undefined;
  /** Where a reader waits for a room. */
  #waiting: { readonly done: () => void; readonly failed: (failure: Failure) => void } | undefined;
  #epoch: number;
  #over: Failure | undefined;
  /** Words go out in the order in which they were sealed. */
  #sent: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor({ partner, shared, epoch, stream }: SessionState, room: InRoom | undefined) {
    [this.partner, this.shared, this.#epoch] = [partner, shared, epoch];
    this.#stream = new WordStream(stream);
    this.#room = room;
  }

  /** The session of two who have just paired in a room. */
  static begun(agreed: Agreed, line: Line): Session {
    const stream = { said: 0, taken: 0, kept: [] };
    const { hello: partner, shared } = agreed;
    return new Session({ partner, shared, epoch: 0, stream }, { agreed, line });
  }

  /** One of a page that was there before; there is no room yet. */
  static restored(state: SessionState): Session {
    return new Session(state, undefined);
  }

  /** What is to be kept for a page that is loaded anew. */
  get state(): SessionState {
    const { partner, shared } = this;
    return { partner, shared, epoch: this.#epoch, stream: this.#stream.state };
  }

  /** Words to compare aloud. */
  get verification(): string {
    return this.shared.verification;
  }

  /** The epoch of the room that both were in last. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The number of the last word of the partner's that was taken. */
  get taken(): number {
    return this.#stream.taken;
  }

  /**
   * Say a word; it waits where there is no room, unless it is a figure. Throws Failure `tooLong`
   * where too much waits.
   */
  async say(event: RoutedEvent, word: Word): Promise<void> {
    const envelope = this.#stream.say(event, word);
    if (envelope.number > 0) {
      this.onSaid();
    }
    await this.#send(event, envelope);
  }

  /** The partner's next word, each once and in order. Throws Failure where there will be none. */
  async next(): Promise<Said> {
    for (;;) {
      const room = await this.#current();
      let heard;
      try {
        heard = await room.line.hear();
      } catch (error) {
        this.#lost(room, error);
        continue;
      }
      const { event, body } = heard;
      const envelope = await room.agreed.cipher.open(event, body);
      const isNews = this.#stream.hear(envelope);
      if (this.#stream.owes) {
        this.#timer ??= setTimeout(() => this.#acknowledge(), ACKNOWLEDGED_AFTER);
      }
      if (isNews && event !== "acknowledge") {
        return { event, word: envelope.word };
      }
    }
  }

  /**
   * Go on in a room where both have met again, in this epoch; what the partner has not taken is said
   * again. Throws Failure `notUnderstood` where the partner has taken what was never said.
   */
  async enter(agreed: Agreed, line: Line, epoch: number): Promise<void> {
    this.#stream.acknowledged(agreed.taken);
    [this.#room, this.#epoch] = [{ agreed, line }, epoch];
    this.#waiting?.done();
    this.#waiting = undefined;
    await Promise.all(
      this.#stream.unacknowledged().map((envelope) => this.#send(envelope.event as RoutedEvent, envelope)),
    );
  }

  /** End the session: the partner is told, where there is a room, and nothing is said any more. */
  async end(): Promise<void> {
    await this.say("goodbye", {});
    this.fail(new Failure("partnerGone", "leftHere"));
  }

  /** There will be no more words. */
  fail(failure: Failure): void {
    clearTimeout(this.#timer);
    this.#over ??= failure;
    this.#waiting?.failed(this.#over);
    this.#waiting = undefined;
  }

  async #current(): Promise<InRoom> {
    while (this.#room === undefined || this.#over !== undefined) {
      if (this.#over !== undefined) {
        throw this.#over;
      }
      await new Promise<void>((done, failed) => {
        this.#waiting = { done, failed };
      });
    }
    return this.#room;
  }

  #lost(room: InRoom, error: unknown): void {
    if (!(error instanceof Failure) || !LOST.has(error.code)) {
      throw error;
    }
    if (this.#room === room) {
      this.#room = undefined;
      if (this.#over === undefined) {
        this.onAway();
      }
    }
  }

  #acknowledge(): void {
    this.#timer = undefined;
    if (this.#stream.owes) {
      // Where it does not get through, whoever hears next is told so.
      this.say("acknowledge", {}).catch(() => undefined);
    }
  }

  #send(event: RoutedEvent, envelope: Envelope): Promise<void> {
    const room = this.#room;
    if (room === undefined) {
      return Promise.resolve(); // it is kept, unless it is a figure
    }
    const stamped = this.#stream.stamped(envelope);
    const sent = this.#sent.then(async () => {
      if (this.#room === room) {
        const sealed = await room.agreed.cipher.seal(stamped);
        await room.line.say(event, sealed).catch((error: unknown) => this.#lost(room, error));
      }
    });
    this.#sent = sent.catch(() => undefined);
    return sent;
  }
}
