/**
 * A pipe of the relay's transit, which carries bytes that the relay cannot read, as a channel; and
 * how it comes about (docs/protocol.md, the relayed road).
 */

import { systemRandom, type Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { base64, bytesOf, concat, equal, unbase64, type Bytes } from "../util/bytes.ts";
import { Inbox } from "../util/inbox.ts";
import { FULL, MOST_UNREAD, type Attempt, type Channel, type Transit } from "./channel.ts";
import { framed, Frames } from "./frames.ts";
import { agree, KEY, type Opening, type Sealing } from "./records.ts";

/** Bytes of a pipe's name. */
const PIPE = 16;
const LONGEST_TEXT = 2_048;
/** Longest message of a pipe, in bytes. */
const LONGEST_MESSAGE = 64 * 1024;
/** Milliseconds for all of it; a relay waits for the other end for 30 seconds. */
const CONNECTING = 40_000;
/** And that an offer waits for its answer; a tracker asks nobody later. */
const UNANSWERED = 60_000;
/** Milliseconds between two looks at what waits to be sent. */
const LOOK = 20;
const YES = 0x06;
const THIS_ONE = 0x01;

/** What one side tells the other. */
interface Half {
  readonly pipe: Bytes;
  readonly key: Bytes;
}

export class PipeAttempt implements Attempt {
  readonly channel: Promise<Channel>;
  readonly #transit: Transit;
  readonly #crypto: Primitives;
  readonly #own: Bytes;
  readonly #pipe: Bytes;
  readonly #cancelled = new AbortController();
  readonly #unanswered: ReturnType<typeof setTimeout>;
  #open: (channel: Channel) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  private constructor(transit: Transit, crypto: Primitives, pipe: Bytes) {
    [this.#transit, this.#crypto, this.#pipe] = [transit, crypto, pipe];
    this.#own = systemRandom(KEY);
    this.channel = new Promise((open, fail) => {
      [this.#open, this.#fail] = [open, fail];
    });
    this.channel.catch(() => undefined); // whoever waits hears of it
    this.#unanswered = setTimeout(() => this.cancel(), UNANSWERED);
  }

  /** An attempt, and the text of its offer. */
  static async offering(transit: Transit, crypto: Primitives): Promise<readonly [PipeAttempt, string]> {
    const attempt = new PipeAttempt(transit, crypto, systemRandom(PIPE));
    return [attempt, await attempt.#text()];
  }

  /** An attempt, and the text of its answer. Throws where the offer makes no sense. */
  static async answering(
    transit: Transit,
    crypto: Primitives,
    text: string,
    headStart: number,
  ): Promise<readonly [PipeAttempt, string]> {
    const { pipe, key } = halfOf(text);
    const attempt = new PipeAttempt(transit, crypto, pipe);
    const answer = await attempt.#text();
    attempt.#begin(key, false, headStart);
    return [attempt, answer];
  }

  /** Take the answer to this side's offer, and begin in so many milliseconds. Throws where it makes no sense. */
  take(text: string, headStart: number): void {
    const { pipe, key } = halfOf(text);
    if (!equal(pipe, this.#pipe)) {
      throw new Failure("noChannel", "anotherPipe");
    }
    this.#begin(key, true, headStart);
  }

  cancel(): void {
    clearTimeout(this.#unanswered);
    this.#cancelled.abort();
    this.#fail(new Failure("noChannel"));
    this.channel.then(
      (channel) => channel.close(),
      () => undefined,
    );
  }

  async #text(): Promise<string> {
    const key = await this.#crypto.x25519Public(this.#own);
    return JSON.stringify({ p: base64(this.#pipe), k: base64(key) });
  }

  #begin(theirs: Bytes, offered: boolean, headStart: number): void {
    clearTimeout(this.#unanswered);
    this.#reach(theirs, offered, headStart).then(this.#open, (error: unknown) => {
      this.#fail(error instanceof Failure ? error : new Failure("noChannel"));
    });
  }

  async #reach(theirs: Bytes, offered: boolean, headStart: number): Promise<Channel> {
    const signal = AbortSignal.any([this.#cancelled.signal, AbortSignal.timeout(CONNECTING)]);
    await sleep(headStart, signal);
    const { pass, url } = this.#transit;
    const directions = await agree(this.#own, theirs, this.#pipe, offered, this.#crypto);
    const pipe = new Pipe(url, concat(pass, this.#pipe), directions);
    const giveUp = (): void => pipe.close();
    signal.addEventListener("abort", giveUp);
    try {
      signal.throwIfAborted();
      await pipe.joined;
      await (offered ? pipe.beChosen(this.#pipe) : pipe.choose(this.#pipe));
      return new PipeChannel(pipe);
    } catch (error) {
      pipe.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}

/** One end of a pipe: a stream of content both ways, sealed. */
class Pipe {
  /** Throws Failure where the other end is not there in time. */
  readonly joined: Promise<void>;
  readonly #socket: WebSocket;
  readonly #sealing: Sealing;
  readonly #opening: Opening;
  readonly #inbox: Inbox<Bytes>;
  /** What is sealed and what is opened, each in order. */
  #sending: Promise<unknown> = Promise.resolve();
  #hearing: Promise<unknown> = Promise.resolve();
  #unsealed = 0;
  #rest: Bytes = bytesOf([]);

  constructor(url: string, greeting: Bytes, [sealing, opening]: readonly [Sealing, Opening]) {
    this.#inbox = new Inbox(MOST_UNREAD, () => new Failure("badPeer", "unreadFlood"));
    [this.#sealing, this.#opening] = [sealing, opening];
    const socket = (this.#socket = new WebSocket(url));
    socket.binaryType = "arraybuffer";
    this.joined = new Promise((done, failed) => {
      socket.onopen = () => socket.send(greeting);
      socket.onclose = () => {
        const closed = new Failure("noChannel", "closed");
        failed(closed);
        void this.#hearing.finally(() => this.#inbox.fail(closed));
      };
      socket.onmessage = ({ data }) => {
        // Nothing may come before the empty one, which says that both are there.
        if (data instanceof ArrayBuffer && data.byteLength === 0) {
          socket.onmessage = ({ data }) => this.#heard(data);
          done();
        } else {
          this.close();
        }
      };
    });
    this.joined.catch(() => undefined); // whoever waits hears of it
  }

  /** The next piece of content. Throws Failure where there is none. */
  async next(): Promise<Bytes> {
    const rest = this.#rest;
    this.#rest = bytesOf([]);
    return rest.length > 0 ? rest : this.#inbox.next();
  }

  write(content: Bytes): void {
    this.#unsealed += content.length;
    const sealed = this.#sealing.seal(content);
    this.#sending = this.#sending
      .then(async () => this.#put(await sealed))
      .catch(() => this.close())
      .finally(() => {
        this.#unsealed -= content.length;
      });
  }

  /** How many bytes wait to be sent. */
  get unsent(): number {
    return this.#isOpen ? this.#unsealed + this.#socket.bufferedAmount : 0;
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Say that nothing follows, and close it. */
  end(): void {
    this.write(bytesOf([]));
    void this.#sending.finally(() => this.close());
  }

  close(): void {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CONNECTING) {
      socket.onopen = () => socket.close(); // browsers complain of one that is closed before
    } else {
      socket.close();
    }
    this.#inbox.fail(new Failure("noChannel", "closed"));
  }

  /** Begin as whoever answered. Throws Failure. */
  async choose(name: Bytes): Promise<void> {
    this.write(name);
    if ((await this.#read(1))[0] !== YES) {
      throw new Failure("noChannel", "notWanted");
    }
    this.write(bytesOf([THIS_ONE]));
  }

  /** Begin as whoever offered. Throws Failure. */
  async beChosen(name: Bytes): Promise<void> {
    if (!equal(await this.#read(PIPE), name)) {
      throw new Failure("noChannel", "anotherPipe");
    }
    this.write(bytesOf([YES]));
    if ((await this.#read(1))[0] !== THIS_ONE) {
      throw new Failure("noChannel", "notWanted");
    }
  }

  /** Exactly so many bytes of content. */
  async #read(count: number): Promise<Bytes> {
    let heard = await this.next();
    while (heard.length < count) {
      heard = concat(heard, await this.next());
    }
    this.#rest = heard.slice(count);
    return heard.slice(0, count);
  }

  #put(records: Bytes): void {
    for (let at = 0; at < records.length && this.#isOpen; at += LONGEST_MESSAGE) {
      this.#socket.send(records.subarray(at, at + LONGEST_MESSAGE));
    }
  }

  #heard(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      return; // a notice of the relay's: it makes the pipe wait
    }
    this.#hearing = this.#hearing.then(async () => {
      try {
        for (const content of await this.#opening.open(new Uint8Array(data))) {
          this.#inbox.put(content);
        }
        if (this.#opening.ended) {
          this.#inbox.fail(new Failure("noChannel", "closed"));
        }
      } catch (error) {
        this.#inbox.fail(error instanceof Failure ? error : new Failure("noChannel"));
        this.#socket.close();
      }
    });
  }
}

class PipeChannel implements Channel {
  readonly #pipe: Pipe;
  readonly #frames = new Frames();
  readonly #parts: Bytes[] = [];

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
  }

  async next(): Promise<Uint8Array> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) {
        return part;
      }
      this.#parts.push(...this.#frames.take(await this.#pipe.next()));
    }
  }

  send(bytes: Bytes): void {
    this.#pipe.write(framed(bytes));
  }

  /** A WebSocket tells nobody when its bytes are gone: it is looked at. */
  async room(): Promise<void> {
    while (this.#pipe.unsent >= FULL) {
      await new Promise((done) => setTimeout(done, LOOK));
    }
  }

  close(): void {
    this.#pipe.end();
  }
}

/** What a text of a partner's says. Throws Failure. */
function halfOf(text: string): Half {
  try {
    const said: unknown = text.length <= LONGEST_TEXT ? JSON.parse(text) : undefined;
    const { p, k } = said as Record<string, unknown>;
    const [pipe, key] = [unbase64(String(p)), unbase64(String(k))];
    if (pipe.length === PIPE && key.length === KEY) {
      return { pipe, key };
    }
  } catch {
    // It is none.
  }
  throw new Failure("noChannel", "badText");
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((done, failed) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      failed(new Failure("noChannel"));
    });
  });
}
