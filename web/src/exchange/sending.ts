/** One request of this side's: from the question to the partner's `downloadComplete`. */

import { systemRandom } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { Meeting } from "../meeting/meeting.ts";
import type { Said, Session } from "../session/session.ts";
import { SealedSignaling } from "../signaling/sealed.ts";
import { base64, hex, type Bytes } from "../util/bytes.ts";
import { infoDictionary, type NamedFile } from "../wire/create.ts";
import { newPeerId } from "../wire/download.ts";
import { KEEP_ALIVE } from "../wire/messages.ts";
import { metainfo } from "../wire/metainfo.ts";
import { Upload, type Sent } from "../wire/upload.ts";
import { KEEP_ALIVE_EVERY, type Surroundings } from "./receiving.ts";

/** What is sent: files, and what is at a position of all of them, one after the other. */
export interface Source {
  readonly files: readonly NamedFile[];
  read(position: number, length: number): Promise<Bytes>;
}

export class Sending {
  readonly id = hex(systemRandom(16));
  readonly #source: Source;
  readonly #session: Session;
  readonly #surroundings: Surroundings;
  #meeting: Meeting | undefined;
  #over = false;

  constructor(source: Source, session: Session, surroundings: Surroundings) {
    this.#source = source;
    this.#session = session;
    this.#surroundings = surroundings;
  }

  /** Ask the partner. Throws Failure. */
  async ask(): Promise<void> {
    const files = this.#source.files.map(({ path, size }) => ({ path, size }));
    await this.#session.say("fileRequest", { id: this.id, files });
  }

  /**
   * Take a word of the partner's about this request; return whether all is done. Throws Failure:
   * `partnerGone` with `declined` or `cancelled` where the partner wants none of it.
   */
  async take({ event, word }: Said): Promise<boolean> {
    if (word["id"] !== this.id) {
      return false;
    }
    if (event === "fileAnswer") {
      const { accepted } = word;
      if (!Array.isArray(accepted) || !accepted.includes(true)) {
        throw new Failure("partnerGone", "declined");
      }
      await this.#serve();
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

  close(): void {
    this.#over = true;
    this.#meeting?.close();
  }

  async #serve(): Promise<void> {
    const { crypto, tracker, webrtc } = this.#surroundings;
    const read = (position: number, length: number): Promise<Bytes> => this.#source.read(position, length);
    const info = await infoDictionary(this.#source.files, this.id, read, crypto, () => undefined);
    const infoHash = await crypto.sha1(info);
    const swarmKey = systemRandom(32);
    const peerId = newPeerId(systemRandom);
    const signaling = await SealedSignaling.of(infoHash, swarmKey, crypto);
    this.#meeting = new Meeting(signaling, peerId, webrtc);
    // There before the partner is: its offers find somebody.
    await this.#meeting.at(tracker);
    const magnetURI = `magnet:?xt=urn:btih:${hex(infoHash)}`;
    await this.#session.say("fileReady", { id: this.id, magnetURI, swarmKey: base64(swarmKey) });
    const sent = { info, infoHash, torrent: metainfo(info), read };
    this.#upload(this.#meeting, sent, peerId).catch(() => this.close());
  }

  async #upload(meeting: Meeting, sent: Sent, peerId: Bytes): Promise<void> {
    const channel = await meeting.channel;
    const upload = new Upload(sent, channel);
    const alive = setInterval(() => channel.send(KEEP_ALIVE), KEEP_ALIVE_EVERY);
    try {
      upload.start(peerId);
      while (!this.#over) {
        upload.take(await channel.next());
      }
    } finally {
      clearInterval(alive);
      channel.close();
    }
  }
}
