/**
 * Two people who are paired, and the words that they say to each other through a room.
 *
 * What words mean never lives here; nor, so far, coming back after the room is lost.
 */

import type { Line } from "../relay/room.ts";
import type { RoutedEvent } from "../relay/words.ts";
import type { Envelope, Word } from "./envelope.ts";
import type { Agreed } from "./pairing_handshake.ts";
import { WordStream } from "./word_stream.ts";

/** Milliseconds after which a word is acknowledged, where this side has nothing else to say. */
const ACKNOWLEDGED_AFTER = 100;

export interface Said {
  readonly event: string;
  readonly word: Word;
}

export class Session {
  /** Words to compare aloud. */
  readonly verification: string;
  readonly partner: Agreed["hello"];
  readonly #agreed: Agreed;
  readonly #line: Line;
  readonly #stream = new WordStream();
  /** Words go out in the order in which they were sealed. */
  #sent: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(agreed: Agreed, line: Line) {
    this.verification = agreed.shared.verification;
    this.partner = agreed.hello;
    this.#agreed = agreed;
    this.#line = line;
  }

  /** Say a word. Throws Failure where its line does not take it. */
  async say(event: RoutedEvent, word: Word): Promise<void> {
    await this.#send(event, this.#stream.say(event, word));
  }

  /** The partner's next word, each once and in order. Throws Failure where there will be none. */
  async next(): Promise<Said> {
    for (;;) {
      const { event, body } = await this.#line.hear();
      const envelope = await this.#agreed.cipher.open(event, body);
      const isNews = this.#stream.hear(envelope);
      if (this.#stream.owes) {
        this.#timer ??= setTimeout(() => this.#acknowledge(), ACKNOWLEDGED_AFTER);
      }
      if (isNews && event !== "acknowledge") {
        return { event, word: envelope.word };
      }
    }
  }

  /** End the session: the partner is told, and nothing is said any more. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await this.say("goodbye", {});
  }

  #acknowledge(): void {
    this.#timer = undefined;
    if (this.#stream.owes) {
      // Where it does not get through, whoever hears next is told so.
      this.say("acknowledge", {}).catch(() => undefined);
    }
  }

  #send(event: RoutedEvent, envelope: Envelope): Promise<void> {
    const stamped = this.#stream.stamped(envelope);
    const sent = this.#sent.then(async () =>
      this.#line.say(event, await this.#agreed.cipher.seal(stamped)),
    );
    this.#sent = sent.catch(() => undefined);
    return sent;
  }
}
