/**
 * A torrent that is sent to one peer: its description, and the blocks that it asks for. Sans-IO but
 * for reading what is sent. Which peer it is never lives here.
 */

import { Failure } from "../failure.ts";
import { bytesOf, concat, type Bytes } from "../util/bytes.ts";
import { decodePrefix, dictionary, encode, integer, type Bencoded } from "./bencode.ts";
import { BLOCK, handshake, Kind, message, numberAt, Reading, type Message } from "./messages.ts";
import { pieceCount, pieceSize, type Metainfo } from "./metainfo.ts";

const OUR_UT_METADATA = 1;
const OUR_REQQ = 250;
/** Longest block that is sent, and most requests that wait. */
const LONGEST_BLOCK = 128 * 1024;
const MOST_WAITING = 2_048;

export interface Sent {
  readonly info: Bytes;
  readonly infoHash: Bytes;
  readonly torrent: Metainfo;
  /** What is at a position of all files, one after the other. */
  read(position: number, length: number): Promise<Bytes>;
}

export interface Sender {
  send(bytes: Bytes): void;
  /** Resolves once more may be sent. */
  room(): Promise<void>;
}

export class Upload {
  readonly #sent: Sent;
  readonly #sender: Sender;
  readonly #reading: Reading;
  readonly #waiting: { piece: number; begin: number; length: number }[] = [];
  #theirMetadata = 0;
  #serving: Promise<void> | undefined;
  #broken: unknown;

  constructor(sent: Sent, sender: Sender) {
    this.#sent = sent;
    this.#sender = sender;
    this.#reading = new Reading(sent.infoHash);
  }

  start(peerId: Bytes): void {
    const offered = new Map<string, Bencoded>([
      ["m", new Map([["ut_metadata", OUR_UT_METADATA]])],
      ["metadata_size", this.#sent.info.length],
      ["reqq", OUR_REQQ],
    ]);
    this.#sender.send(handshake(this.#sent.infoHash, peerId));
    this.#sender.send(message(Kind.extended, bytesOf([0]), encode(offered)));
    this.#sender.send(message(Kind.haveAll));
  }

  /** Take what the peer sent; one call at a time. Throws Failure `badPeer`, or what reading threw. */
  take(chunk: Uint8Array): void {
    if (this.#broken !== undefined) {
      throw this.#broken;
    }
    for (const each of this.#reading.take(chunk)) {
      this.#hear(each);
    }
  }

  #hear({ kind, payload }: Message): void {
    switch (kind) {
      case Kind.interested:
        this.#sender.send(message(Kind.unchoke));
        break;
      case Kind.request:
        this.#asked(payload);
        break;
      case Kind.cancel: {
        const [piece, begin] = [numberOf(payload, 0), numberOf(payload, 4)];
        const at = this.#waiting.findIndex((each) => each.piece === piece && each.begin === begin);
        if (at >= 0) {
          this.#waiting.splice(at, 1);
          this.#sender.send(message(Kind.reject, payload)); // BEP 6: each request has an answer
        }
        break;
      }
      case Kind.extended:
        this.#extended(payload);
        break;
      default: // what it has, and is
    }
  }

  #asked(payload: Bytes): void {
    const [piece, begin, length] = [numberOf(payload, 0), numberOf(payload, 4), numberOf(payload, 8)];
    const { torrent } = this.#sent;
    const fits = piece < pieceCount(torrent) && length > 0 && begin + length <= pieceSize(torrent, piece);
    if (!fits || length > LONGEST_BLOCK) {
      throw new Failure("badPeer", "blockOutOfRange");
    }
    if (this.#waiting.length >= MOST_WAITING) {
      throw new Failure("badPeer", "requestFlood");
    }
    this.#waiting.push({ piece, begin, length });
    this.#serving ??= this.#serve().catch((error: unknown) => {
      this.#broken = error;
    });
  }

  async #serve(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { piece, begin, length } = next;
      const content = await this.#sent.read(piece * this.#sent.torrent.pieceLength + begin, length);
      await this.#sender.room();
      const head = new Uint8Array(8);
      const view = new DataView(head.buffer);
      view.setUint32(0, piece);
      view.setUint32(4, begin);
      this.#sender.send(message(Kind.piece, head, content));
    }
    this.#serving = undefined;
  }

  #extended(payload: Bytes): void {
    const [head] = decodePrefix(payload.slice(1));
    const fields = dictionary(head);
    if (payload[0] === 0) {
      const theirs = fields.get("m");
      this.#theirMetadata = theirs === undefined ? 0 : integer(dictionary(theirs).get("ut_metadata") ?? 0);
    } else if (payload[0] === OUR_UT_METADATA && integer(fields.get("msg_type")) === 0) {
      this.#describe(integer(fields.get("piece")));
    }
  }

  #describe(piece: number): void {
    const { info } = this.#sent;
    const part = info.subarray(piece * BLOCK, (piece + 1) * BLOCK);
    const known = part.length > 0 && this.#theirMetadata > 0 && this.#theirMetadata < 256;
    if (!known) {
      throw new Failure("badPeer", "badExtension");
    }
    const head = encode(
      new Map<string, Bencoded>([["msg_type", 1], ["piece", piece], ["total_size", info.length]]),
    );
    this.#sender.send(message(Kind.extended, bytesOf([this.#theirMetadata]), concat(head, part)));
  }
}

/** The number there. Throws Failure `badPeer` where the message is too short for it. */
function numberOf(payload: Bytes, at: number): number {
  if (payload.length < at + 4) {
    throw new Failure("badPeer", "badLength");
  }
  return numberAt(payload, at);
}
