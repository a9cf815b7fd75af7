/**
 * A download from one peer that has everything: its description first (BEP 9), then piece after
 * piece, each compared with its hash. Sans-IO: bytes in, bytes out, verified pieces out. Which peer
 * it is, and where pieces go, never lives here.
 */

import type { Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { bigEndian, bytesOf, concat, equal, utf8, type Bytes } from "../util/bytes.ts";
import { decode, decodePrefix, dictionary, encode, integer } from "./bencode.ts";
import { BLOCK, handshake, Kind, message, numberAt, Reading, type Message } from "./messages.ts";
import { metainfo, pieceCount, pieceHash, pieceSize, type Metainfo } from "./metainfo.ts";

/** Under which a peer sends its metadata here. */
const OUR_UT_METADATA = 1;
const LONGEST_METADATA = 16 * 1024 * 1024;
/** Bytes that are asked for and not here yet. */
const WINDOW = 4 * 1024 * 1024;
const OUR_REQQ = 250;

/** What comes of a download, each awaited before more is taken. */
export interface Receiver {
  /** Returns the pieces that are here already, verified; undefined where there are none. */
  described(torrent: Metainfo): Promise<ReadonlySet<number> | undefined>;
  verified(piece: number, content: Bytes): Promise<void>;
}

interface Piece {
  readonly content: Bytes;
  readonly missing: Set<number>;
}

export class Download {
  readonly #infoHash: Bytes;
  readonly #crypto: Primitives;
  readonly #receiver: Receiver;
  #reading: Reading;
  #send: (bytes: Bytes) => void = () => undefined;
  #metadata: (Bytes | undefined)[] = [];
  readonly #pieces = new Map<number, Piece>();
  #waiting: { piece: number; begin: number }[] = [];
  #asked = 0;
  #reqq = OUR_REQQ;
  #unchoked = false;
  #torrent: Metainfo | undefined;
  #here: ReadonlySet<number> = new Set();
  #next = 0;
  #verified = 0;

  constructor(infoHash: Bytes, crypto: Primitives, receiver: Receiver) {
    this.#infoHash = infoHash;
    this.#crypto = crypto;
    this.#receiver = receiver;
    this.#reading = new Reading(infoHash);
  }

  get isDone(): boolean {
    return this.#torrent !== undefined && this.#verified === pieceCount(this.#torrent);
  }

  /** Begin with a peer, or go on with it over another channel: what is said first. */
  start(peerId: Bytes, send: (bytes: Bytes) => void): void {
    this.#send = send;
    this.#reading = new Reading(this.#infoHash);
    [this.#asked, this.#reqq, this.#unchoked] = [0, OUR_REQQ, false];
    if (this.#torrent === undefined) {
      this.#metadata = [];
    }
    this.#waiting = [...this.#pieces].flatMap(([piece, { missing }]) =>
      [...missing].map((begin) => ({ piece, begin })),
    );
    const offered = new Map([
      ["m", new Map([["ut_metadata", OUR_UT_METADATA]])],
      ["reqq", OUR_REQQ],
    ] as [string, number | Map<string, number>][]);
    this.#send(handshake(this.#infoHash, peerId));
    this.#send(message(Kind.extended, bytesOf([0]), encode(offered)));
    this.#send(message(Kind.haveNone));
  }

  /** Take what the peer sent; one call at a time. Throws Failure `badPeer`. */
  async take(chunk: Uint8Array): Promise<void> {
    for (const each of this.#reading.take(chunk)) {
      await this.#hear(each);
    }
  }

  async #hear({ kind, payload }: Message): Promise<void> {
    switch (kind) {
      case Kind.choke:
        this.#unchoked = false;
        break;
      case Kind.unchoke:
        this.#unchoked = true;
        this.#ask();
        break;
      case Kind.extended:
        await this.#extended(payload);
        break;
      case Kind.piece:
        await this.#block(payload);
        break;
      case Kind.reject: {
        const [piece, begin] = [numberAt(payload, 0), numberAt(payload, 4)];
        if (payload.length !== 12 || this.#pieces.get(piece)?.missing.has(begin) !== true) {
          throw new Failure("badPeer", "unrequested");
        }
        this.#asked -= 1;
        this.#waiting.unshift({ piece, begin });
        this.#ask();
        break;
      }
      default: // what it has, is, or wants: it has everything
    }
  }

  async #extended(payload: Bytes): Promise<void> {
    if (payload[0] === 0) {
      const fields = dictionary(decode(payload.slice(1)));
      this.#reqq = Math.min(OUR_REQQ, Math.max(1, integer(fields.get("reqq") ?? OUR_REQQ)));
      const size = fields.get("metadata_size");
      if (this.#torrent !== undefined) {
        this.#send(message(Kind.interested));
      } else if (this.#metadata.length === 0 && size !== undefined) {
        this.#askMetadata(integer(dictionary(fields.get("m")).get("ut_metadata")), integer(size, 1));
      }
    } else if (payload[0] === OUR_UT_METADATA) {
      const [head, length] = decodePrefix(payload.slice(1));
      const fields = dictionary(head);
      const piece = integer(fields.get("piece"));
      if (integer(fields.get("msg_type")) === 1) {
        await this.#described(piece, payload.slice(1 + length));
      }
    }
  }

  #askMetadata(id: number, size: number): void {
    if (size > LONGEST_METADATA || id < 1 || id > 255) {
      throw new Failure("badPeer", "badExtension");
    }
    for (let piece = 0; piece * BLOCK < size; piece++) {
      this.#metadata.push(undefined);
      const asked = encode(new Map([["msg_type", 0], ["piece", piece]]));
      this.#send(message(Kind.extended, bytesOf([id]), asked));
    }
  }

  async #described(piece: number, content: Bytes): Promise<void> {
    if (piece >= this.#metadata.length || this.#metadata[piece] !== undefined || content.length > BLOCK) {
      throw new Failure("badPeer", "unrequested");
    }
    this.#metadata[piece] = content;
    const parts = this.#metadata.filter((part) => part !== undefined);
    if (parts.length < this.#metadata.length) {
      return;
    }
    const info = concat(...parts);
    if (!equal(await this.#crypto.sha1(info), this.#infoHash)) {
      throw new Failure("badPeer", "badMetadata");
    }
    const torrent = metainfo(info);
    this.#here = (await this.#receiver.described(torrent)) ?? new Set();
    this.#verified = this.#here.size;
    this.#torrent = torrent;
    this.#send(message(Kind.interested));
    this.#ask();
  }

  #ask(): void {
    const torrent = this.#torrent;
    if (torrent === undefined || !this.#unchoked) {
      return;
    }
    while (this.#asked < this.#reqq && this.#asked * BLOCK < WINDOW) {
      if (this.#waiting.length === 0 && !this.#begin(torrent)) {
        return;
      }
      const { piece, begin } = this.#waiting.shift() ?? { piece: 0, begin: 0 };
      const length = Math.min(BLOCK, pieceSize(torrent, piece) - begin);
      this.#send(message(Kind.request, ...[piece, begin, length].map((n) => bigEndian(n, 4))));
      this.#asked += 1;
    }
  }

  /** Begin the next piece, if there is one. */
  #begin(torrent: Metainfo): boolean {
    while (this.#here.has(this.#next)) {
      this.#next += 1;
    }
    if (this.#next >= pieceCount(torrent)) {
      return false;
    }
    const piece = this.#next++;
    const content = new Uint8Array(pieceSize(torrent, piece));
    const missing = new Set<number>();
    for (let begin = 0; begin < content.length; begin += BLOCK) {
      missing.add(begin);
      this.#waiting.push({ piece, begin });
    }
    this.#pieces.set(piece, { content, missing });
    return true;
  }

  async #block(payload: Bytes): Promise<void> {
    if (payload.length < 8) {
      throw new Failure("badPeer", "badLength");
    }
    const [piece, begin] = [numberAt(payload, 0), numberAt(payload, 4)];
    const open = this.#pieces.get(piece);
    const block = payload.subarray(8);
    const expected = Math.min(BLOCK, (open?.content.length ?? 0) - begin);
    if (open === undefined || block.length !== expected || !open.missing.delete(begin)) {
      throw new Failure("badPeer", "unrequested");
    }
    open.content.set(block, begin);
    this.#asked -= 1;
    this.#ask();
    if (open.missing.size === 0) {
      await this.#whole(piece, open.content);
    }
  }

  async #whole(piece: number, content: Bytes): Promise<void> {
    const torrent = this.#torrent;
    if (torrent === undefined || !equal(await this.#crypto.sha1(content), pieceHash(torrent, piece))) {
      throw new Failure("badPeer", "badPiece");
    }
    this.#pieces.delete(piece);
    await this.#receiver.verified(piece, content);
    this.#verified += 1;
    this.#send(message(Kind.have, bigEndian(piece, 4)));
  }
}

/** The infohash that a magnet link names, and its trackers. Throws Failure `notUnderstood`. */
export function magnetOf(link: string): { readonly infoHash: string; readonly trackers: readonly string[] } {
  const query = link.startsWith("magnet:?") ? new URLSearchParams(link.slice(8)) : new URLSearchParams();
  const [, infoHash] = /^urn:btih:([0-9a-fA-F]{40})$/.exec(query.get("xt") ?? "") ?? [];
  if (infoHash === undefined) {
    throw new Failure("notUnderstood", "magnet");
  }
  return { infoHash: infoHash.toLowerCase(), trackers: query.getAll("tr") };
}

/** A peer id of this program (BEP 20). */
export function newPeerId(random: (length: number) => Bytes): Bytes {
  return concat(utf8("-FS0100-"), random(12));
}

