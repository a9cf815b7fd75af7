/** One request of this side's: from the question to the partner's `downloadComplete`. */

import { systemRandom } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import type { Said, Session } from "../session/session.ts";
import { SealedSignaling } from "../signaling/sealed.ts";
import { base64, concat, hex, type Bytes } from "../util/bytes.ts";
import { infoDictionary, type NamedFile } from "../wire/create.ts";
import { metainfo } from "../wire/metainfo.ts";
import { Upload } from "../wire/upload.ts";
import { FIGURES_EVERY, overChannels, type Surroundings, type Watch } from "./channels.ts";

/** A file that is sent. */
export interface SourceFile extends NamedFile {
  /** Throws Failure `unreadable` where it is not as it was. */
  read(offset: number, length: number): Promise<Bytes>;
}

/** What a face is told of a request of this side's beside Watch. */
export interface SendingWatch extends Watch {
  /** So many bytes of so many are hashed. */
  hashed(bytes: number, all: number): void;
  /** The partner said yes to these. */
  accepted(files: readonly NamedFile[]): void;
}

export class Sending {
  readonly id = hex(systemRandom(16));
  readonly #files: readonly SourceFile[];
  readonly #session: Session;
  readonly #surroundings: Surroundings;
  readonly #watch: SendingWatch;
  /** Nothing is sent any more. */
  readonly #over = new AbortController();
  readonly #failed: (error: unknown) => void;
  /** Rejects with why it cannot be sent; never resolves. */
  readonly failure: Promise<never>;

  constructor(files: readonly SourceFile[], session: Session, surroundings: Surroundings, watch: SendingWatch) {
    this.#files = files;
    this.#session = session;
    this.#surroundings = surroundings;
    const signal = AbortSignal.any([watch.signal, this.#over.signal]);
    this.#watch = { ...watch, signal };
    let fail: (error: unknown) => void = () => undefined;
    this.failure = new Promise((_, failed) => {
      fail = failed;
    });
    this.failure.catch(() => undefined); // whoever waits hears of it
    this.#failed = fail;
  }

  /** Ask the partner. Throws Failure. */
  async ask(): Promise<void> {
    const files = this.#files.map(({ path, size }) => ({ path, size }));
    await this.#session.say("fileRequest", { id: this.id, files });
  }

  /**
   * Take a word of the partner's about this request; return whether all is done. Throws Failure:
   * `partnerGone` with `declined` or `cancelled` where the partner wants none of it.
   */
  take({ event, word }: Said): boolean {
    if (word["id"] !== this.id) {
      return false;
    }
    if (event === "fileAnswer") {
      const { accepted } = word;
      const wanted = this.#files.filter((_, at) => Array.isArray(accepted) && accepted[at] === true);
      if (wanted.length === 0) {
        throw new Failure("partnerGone", "declined");
      }
      this.#watch.accepted(wanted);
      this.#serve(wanted).catch((error: unknown) => {
        if (!this.#watch.signal.aborted) {
          this.#failed(error);
        }
      });
    }
    if (event === "progressUpdate" && typeof word["downloaded"] === "number") {
      this.#watch.moved(word["downloaded"], this.#all);
    }
    if (event === "cancel") {
      this.close();
      throw new Failure("partnerGone", "cancelled");
    }
    if (event === "downloadComplete") {
      this.close();
      return true;
    }
    return false;
  }

  /** Send nothing any more. */
  close(): void {
    this.#over.abort();
  }

  #all = 0;

  async #serve(files: readonly SourceFile[]): Promise<void> {
    const { crypto } = this.#surroundings;
    const read = joined(files);
    this.#all = files.reduce((sum, { size }) => sum + size, 0);
    let told = 0;
    const info = await infoDictionary(files, this.id, read, crypto, (bytes) => {
      this.#watch.signal.throwIfAborted();
      this.#watch.hashed(bytes, this.#all);
      if (Date.now() - told >= FIGURES_EVERY) {
        told = Date.now();
        // A figure: where it is lost, the next replaces it.
        this.#session.say("preparing", { id: this.id, progress: bytes / this.#all }).catch(() => undefined);
      }
    });
    this.#watch.signal.throwIfAborted();
    const infoHash = await crypto.sha1(info);
    const swarmKey = systemRandom(32);
    const signaling = await SealedSignaling.of(infoHash, swarmKey, crypto);
    const magnetURI = `magnet:?xt=urn:btih:${hex(infoHash)}`;
    await this.#session.say("fileReady", { id: this.id, magnetURI, swarmKey: base64(swarmKey) });
    const sent = { info, infoHash, torrent: metainfo(info), read };
    await overChannels(signaling, this.#surroundings, this.#watch, async (channel, peerId) => {
      const upload = new Upload(sent, channel);
      upload.start(peerId);
      for (;;) {
        upload.take(await channel.next());
      }
    });
  }
}

/** What is at a position of all files, one after the other. */
function joined(files: readonly SourceFile[]): (position: number, length: number) => Promise<Bytes> {
  const starts: number[] = [];
  let end = 0;
  for (const { size } of files) {
    starts.push(end);
    end += size;
  }
  return async (position, length) => {
    const parts: Bytes[] = [];
    let [at, left] = [firstAt(starts, position), length];
    for (let where = position; left > 0 && at < files.length; at++) {
      const [file, start] = [files[at], starts[at]];
      if (file === undefined || start === undefined) {
        break;
      }
      const some = Math.min(left, start + file.size - where);
      if (some > 0) {
        parts.push(await file.read(where - start, some));
        where += some;
        left -= some;
      }
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(...parts);
  };
}

/** The last of these that is not behind a position; they rise. */
function firstAt(starts: readonly number[], position: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? Infinity) <= position) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}
