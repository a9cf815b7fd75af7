/** A download takes what its description promises from a peer, and nothing else. */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { InScript } from "../src/crypto/in_script.ts";
import { systemRandom } from "../src/crypto/primitives.ts";
import { bigEndian, bytesOf, concat, equal, utf8, type Bytes } from "../src/util/bytes.ts";
import { decode, dictionary, encode, type Bencoded } from "../src/wire/bencode.ts";
import { Download, magnetOf, newPeerId } from "../src/wire/download.ts";
import { BLOCK, handshake, Kind, message, numberAt, Reading, type Message } from "../src/wire/messages.ts";
import { metainfo, type Metainfo } from "../src/wire/metainfo.ts";

const sha1 = (content: Bytes): Bytes => bytesOf(createHash("sha1").update(content).digest());
const PIECE = 4 * BLOCK;
const CONTENT = bytesOf(randomBytes(5 * PIECE - 1234));
/** Longer than one piece of metadata. */
const NAME = "ж".repeat(50);
const FILES = Array.from({ length: 400 }, (_, n) => [`${n}`, n === 0 ? CONTENT.length : 0] as const);

function infoOf(more: readonly (readonly [string, Bencoded])[] = []): Bytes {
  const hashes = [];
  for (let at = 0; at < CONTENT.length; at += PIECE) {
    hashes.push(sha1(CONTENT.slice(at, at + PIECE)));
  }
  const files = FILES.map(
    ([name, length]) => new Map<string, Bencoded>([["length", length], ["path", [utf8("sub"), utf8(name.padStart(40, "0"))]]]),
  );
  return encode(
    new Map<string, Bencoded>([
      ["files", files],
      ["name", utf8(NAME)],
      ["piece length", PIECE],
      ["pieces", concat(...hashes)],
      ...more,
    ]),
  );
}

const INFO = infoOf();
const HASH = sha1(INFO);

/** A peer that has everything, and what it was told; `spoils` may change what it says. */
class Seeder {
  readonly got = new Uint8Array(CONTENT.length);
  readonly heard: number[] = [];
  readonly download: Download;
  torrent: Metainfo | undefined;
  #said: Bytes[] = [];
  #reading = new Reading(HASH);
  readonly #spoils: (said: Bytes, kind: number) => Bytes;
  readonly #rejects = new Set<number>();

  readonly #has: ReadonlySet<number>;

  constructor(
    spoils: (said: Bytes, kind: number) => Bytes = (said) => said,
    rejects = false,
    has: readonly number[] = [],
  ) {
    this.#spoils = spoils;
    this.#has = new Set(has);
    if (rejects) {
      this.#rejects.add(0).add(2);
    }
    this.download = new Download(HASH, new InScript(), {
      described: async (torrent) => {
        this.torrent = torrent;
        return this.#has;
      },
      verified: async (piece, content) => this.got.set(content, piece * PIECE),
    });
  }

  /** Speak in chunks of `size` bytes until nothing is left to say, or so many bytes were said. */
  async run(size: number, breaksAfter = Infinity): Promise<void> {
    const extensions = new Map<string, Bencoded>([
      ["m", new Map([["ut_metadata", 7]])],
      ["metadata_size", INFO.length],
      ["reqq", 8],
    ]);
    this.#say(handshake(HASH, newPeerId(systemRandom)), -1);
    this.#say(message(Kind.extended, bytesOf([0]), encode(extensions)), Kind.extended);
    this.#say(message(Kind.haveAll), Kind.haveAll);
    this.#reading = new Reading(HASH);
    this.download.start(newPeerId(systemRandom), (bytes) => this.#hear(bytes));
    let left = breaksAfter;
    while (this.#said.length > 0 && !this.download.isDone) {
      const said = concat(...this.#said);
      this.#said = [];
      for (let at = 0; at < said.length; at += size) {
        if ((left -= size) < 0) {
          this.#said = [];
          return;
        }
        await this.download.take(said.subarray(at, at + size));
      }
    }
  }

  #say(bytes: Bytes, kind: number): void {
    this.#said.push(this.#spoils(bytes, kind));
  }

  #hear(bytes: Bytes): void {
    for (const each of this.#reading.take(bytes)) {
      this.heard.push(each.kind);
      this.#answer(each);
    }
  }

  #answer({ kind, payload }: Message): void {
    if (kind === Kind.interested) {
      this.#say(message(Kind.unchoke), Kind.unchoke);
    } else if (kind === Kind.extended && payload[0] === 7) {
      const piece = dictionary(decode(payload.slice(1))).get("piece") as number;
      const head = new Map<string, Bencoded>([["msg_type", 1], ["piece", piece], ["total_size", INFO.length]]);
      const part = INFO.slice(piece * BLOCK, (piece + 1) * BLOCK);
      this.#say(message(Kind.extended, bytesOf([1]), encode(head), part), Kind.extended);
    } else if (kind === Kind.request) {
      const [piece, begin, length] = [0, 4, 8].map((at) => numberAt(payload, at)) as [number, number, number];
      if (this.#rejects.delete(piece)) {
        this.#say(message(Kind.reject, payload), Kind.reject);
        return;
      }
      const from = piece * PIECE + begin;
      const place = concat(bigEndian(piece, 4), bigEndian(begin, 4));
      this.#say(message(Kind.piece, place, CONTENT.subarray(from, from + length)), Kind.piece);
    }
  }
}

for (const has of [[0], [4], [0, 1, 3], [0, 1, 2, 3, 4]]) {
  test(`what is here already is not asked for: ${has.join(", ")}`, async () => {
    const seeder = new Seeder(undefined, false, has);
    await seeder.run(1000);
    assert.ok(seeder.download.isDone);
    const blocks = (piece: number): number => (piece === 4 ? 4 : PIECE / BLOCK);
    const wanted = [0, 1, 2, 3, 4].filter((piece) => !has.includes(piece));
    const asked = seeder.heard.filter((kind) => kind === Kind.request).length;
    assert.equal(asked, wanted.reduce((sum, piece) => sum + blocks(piece), 0));
    for (const piece of wanted) {
      const [from, to] = [piece * PIECE, Math.min((piece + 1) * PIECE, CONTENT.length)];
      assert.ok(equal(seeder.got.slice(from, to), CONTENT.slice(from, to)));
    }
  });
}

for (const after of [100, BLOCK, 50_000, 150_000, 250_000]) {
  test(`it goes on over another channel where one broke after ${after} bytes`, async () => {
    const seeder = new Seeder();
    await seeder.run(1000, after);
    assert.ok(!seeder.download.isDone);
    const asked = seeder.heard.filter((kind) => kind === Kind.request).length;
    const verified = seeder.heard.filter((kind) => kind === Kind.have).length;
    await seeder.run(1000);
    assert.ok(seeder.download.isDone);
    assert.ok(equal(seeder.got, CONTENT));
    const again = seeder.heard.filter((kind) => kind === Kind.request).length - asked;
    assert.ok(again <= 20 - verified * (PIECE / BLOCK), "what was verified is not asked for again");
  });
}

for (const size of [7, 1000, BLOCK, 1_000_000]) {
  test(`everything arrives, in chunks of ${size} bytes`, async () => {
    const seeder = new Seeder();
    await seeder.run(size);
    assert.ok(seeder.download.isDone);
    assert.ok(equal(seeder.got, CONTENT));
    assert.equal(seeder.torrent?.files.length, FILES.length);
    assert.deepEqual(seeder.torrent?.files[0]?.path, [NAME, "sub", "0".repeat(40)]);
    assert.ok(INFO.length > BLOCK, "the description comes in several pieces");
    assert.equal(seeder.heard.filter((kind) => kind === Kind.request).length, 20);
  });
}

test("what was refused is asked for again", async () => {
  const seeder = new Seeder((said) => said, true);
  await seeder.run(BLOCK);
  assert.ok(seeder.download.isDone);
  assert.equal(seeder.heard.filter((kind) => kind === Kind.request).length, 22);
});

const flipped = (said: Bytes, at: number): Bytes =>
  bytesOf(said.map((byte, n) => (n === (at + said.length) % said.length ? byte ^ 1 : byte)));
const block = (...numbers: readonly number[]): Bytes =>
  message(Kind.piece, ...numbers.map((n) => bigEndian(n, 4)), new Uint8Array(BLOCK));
const SPOILT: readonly (readonly [string, string, number, (said: Bytes) => Bytes])[] = [
  ["another protocol", "badHandshake", -1, (said) => flipped(said, 1)],
  ["another torrent", "wrongInfoHash", -1, (said) => flipped(said, 30)],
  ["no extensions", "extensionsNotNegotiated", -1, (said) => bytesOf(said.map((byte, n) => (n === 25 ? 0 : byte)))],
  ["no refusals", "fastNotNegotiated", -1, (said) => bytesOf(said.map((byte, n) => (n === 27 ? 0 : byte)))],
  ["a false byte", "badPiece", Kind.piece, (said) => flipped(said, -1)],
  ["a block that nobody asked for", "unrequested", Kind.unchoke, (said) => concat(said, block(4, 0))],
  ["a block beyond the end", "unrequested", Kind.unchoke, (said) => concat(said, block(99, 0))],
  ["a block twice", "unrequested", Kind.piece, (said) => concat(said, said)],
  ["a block in between", "unrequested", Kind.unchoke, (said) => concat(said, block(0, 5))],
  ["half a block", "badLength", Kind.unchoke, (said) => concat(said, message(Kind.piece, bytesOf([1])))],
  ["a refusal of nothing", "unrequested", Kind.unchoke, (said) => concat(said, message(Kind.reject, new Uint8Array(12).fill(9)))],
  ["an endless message", "oversizedMessage", Kind.haveAll, () => concat(bigEndian(2 ** 31, 4), bytesOf([1]))],
  ["metadata without end", "badExtension", Kind.extended, () =>
    message(Kind.extended, bytesOf([0]), utf8("d1:md11:ut_metadatai7ee13:metadata_sizei99999999999e4:reqqi8ee"))],
  ["extensions that make no sense", "bencode", Kind.extended, () => message(Kind.extended, bytesOf([0]), utf8("d1:m"))],
];
for (const [what, detail, at, change] of SPOILT) {
  test(`refused: ${what}`, async () => {
    const seeder = new Seeder((said, kind) => (kind === at ? change(said) : said));
    await assert.rejects(seeder.run(BLOCK), { code: "badPeer", detail });
    assert.ok(!seeder.download.isDone);
  });
}

test("a description with another hash is refused", async () => {
  let parts = 0;
  const seeder = new Seeder((said, kind) => (kind === Kind.extended && parts++ === 1 ? flipped(said, -1) : said));
  await assert.rejects(seeder.run(BLOCK), { code: "badPeer", detail: "badMetadata" });
});

const path = (...parts: readonly string[]): readonly (readonly [string, Bencoded])[] => [
  ["files", [new Map<string, Bencoded>([["length", CONTENT.length], ["path", parts.map(utf8)]])]],
];
const SENSELESS: readonly (readonly [string, readonly (readonly [string, Bencoded])[]])[] = [
  ["a path that leads up", path("..", "x")],
  ["a path with a stroke", path("a/b")],
  ["a path with a backslash", path("a\\b")],
  ["an empty path", path()],
  ["an empty part", path("a", "")],
  ["a name that leads up", [["name", utf8("..")]]],
  ["a name that is no text", [["name", bytesOf([0xff])]]],
  ["a file of a negative size", [["files", [new Map<string, Bencoded>([["length", -1], ["path", [utf8("a")]]])]]]],
  ["pieces of nothing", [["piece length", 0]]],
  ["too few pieces", [["pieces", new Uint8Array(20)]]],
  ["too long pieces", [["piece length", 2 ** 40], ["pieces", new Uint8Array(20)]]],
  ["no files", [["files", 1]]],
];
for (const [what, more] of SENSELESS) {
  test(`no description: ${what}`, () => {
    assert.throws(() => metainfo(infoOf(more)), { code: "badPeer" });
  });
}

test("a magnet names an infohash", () => {
  const hash = "AB".repeat(20);
  const link = `magnet:?xt=urn:btih:${hash}&dn=x&tr=ws%3A%2F%2Frelay%2Fannounce`;
  assert.deepEqual(magnetOf(link), { infoHash: hash.toLowerCase(), trackers: ["ws://relay/announce"] });
  for (const other of ["", "http://x", "magnet:?xt=urn:btih:12", "magnet:?dn=x"]) {
    assert.throws(() => magnetOf(other), { code: "notUnderstood" });
  }
});
