/**
 * The words of a session, each delivered once and in order.
 *
 * Each word has a number, is kept until the other person acknowledges it, and is taken once. Figures
 * have no number: the next ones replace lost ones. No line, no key and no clock ever lives here.
 */

import { Failure } from "../failure.ts";
import type { Envelope, Word } from "./envelope.ts";

/** Most words kept for a partner who does not take them. */
const MOST_KEPT = 4096;
/** Events without a number; the first `hello`, too, which the handshake says. */
const UNNUMBERED: ReadonlySet<string> = new Set(["acknowledge", "preparing", "progressUpdate"]);

/** What outlives a page that is loaded anew. */
export interface StreamState {
  readonly said: number;
  readonly taken: number;
  readonly kept: readonly Envelope[];
}

export class WordStream {
  #said: number;
  #taken: number;
  #told: number;
  #asked = false;
  #kept: Envelope[];

  constructor({ said, taken, kept }: StreamState = { said: 0, taken: 0, kept: [] }) {
    [this.#said, this.#taken, this.#told] = [said, taken, taken];
    this.#kept = [...kept];
  }

  get state(): StreamState {
    return { said: this.#said, taken: this.#taken, kept: this.unacknowledged() };
  }

  /** Whether the partner waits for an acknowledgement. */
  get owes(): boolean {
    return this.#asked || this.#told < this.#taken;
  }

  /** The number of the last word of the partner's that was taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether the partner has taken everything. */
  get isSettled(): boolean {
    return this.#kept.length === 0;
  }

  /** Number a word and keep it. Throws Failure `tooLong` where too much waits already. */
  say(event: string, word: Word): Envelope {
    if (UNNUMBERED.has(event)) {
      return { event, word, number: 0, taken: 0 };
    }
    if (this.#kept.length >= MOST_KEPT) {
      throw new Failure("tooLong");
    }
    this.#said += 1;
    const envelope = { event, word, number: this.#said, taken: 0 };
    this.#kept.push(envelope);
    return envelope;
  }

  /** All that must be said again over a line that came up, in order. */
  unacknowledged(): readonly Envelope[] {
    return [...this.#kept];
  }

  /** An envelope that is sent now: it acknowledges all that was taken. */
  stamped(envelope: Envelope): Envelope {
    this.#told = this.#taken;
    this.#asked = false;
    return { ...envelope, taken: this.#taken };
  }

  /** Forget what the partner has taken. Throws Failure `tampered` where it was never said. */
  acknowledged(taken: number): void {
    if (taken > this.#said) {
      throw new Failure("tampered");
    }
    this.#kept = this.#kept.filter((each) => each.number > taken);
  }

  /**
   * Take the partner's word; return whether there is anything to do with it: it was not taken before,
   * and none before it is missing. Throws Failure `tampered` where it answers what was never said.
   */
  hear({ number, taken }: Envelope): boolean {
    this.acknowledged(taken);
    if (number === 0) {
      return true;
    }
    if (number !== this.#taken + 1) {
      this.#asked = true;
      return false;
    }
    this.#taken = number;
    return true;
  }
}
