/** A room: two people, and what one says to the other through a relay. */

import { Failure } from "../failure.ts";
import type { Bytes } from "../util/bytes.ts";
import { Inbox } from "../util/inbox.ts";
import type { RoutedEvent } from "./words.ts";

/** Most words that wait for their reader. */
const MOST_UNREAD = 256;

export interface Heard {
  /** As it was sent. */
  readonly event: RoutedEvent;
  readonly body: Bytes;
}

/** What a pairing handshake and a session speak through. */
export interface Line {
  /** Throws Failure where it cannot be said. */
  say(event: RoutedEvent, body: Bytes): Promise<void>;
  /** The other side's next word. Throws Failure where there will be none. */
  hear(): Promise<Heard>;
}

/** A room at a relay, which its connection makes and feeds. */
export class Room implements Line {
  readonly id: string;
  readonly #send: (event: RoutedEvent, body: Bytes) => Promise<void>;
  readonly #leave: () => Promise<void>;
  readonly #inbox = new Inbox<Heard>(MOST_UNREAD, () => new Failure("pairingFailed", "flood"));

  constructor(
    id: string,
    send: (event: RoutedEvent, body: Bytes) => Promise<void>,
    leave: () => Promise<void>,
  ) {
    this.id = id;
    this.#send = send;
    this.#leave = leave;
  }

  async say(event: RoutedEvent, body: Bytes): Promise<void> {
    await this.#send(event, body);
  }

  hear(): Promise<Heard> {
    return this.#inbox.next();
  }

  /** Leave it; the other side hears that this one left. */
  async leave(): Promise<void> {
    this.end(new Failure("partnerGone", "leftHere"));
    await this.#leave();
  }

  /** A word that its relay delivered. */
  take(heard: Heard): void {
    this.#inbox.put(heard);
  }

  /** There will be no more words. */
  end(failure: Failure): void {
    this.#inbox.fail(failure);
  }
}
