/** What one side makes of files and sends, the other takes; a peer that asks for anything else goes. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { InScript } from "../src/crypto/in_script.ts";
import { systemRandom } from "../src/crypto/primitives.ts";
import { arriving } from "../src/exchange/offer.ts";
import { bigEndian, bytesOf, equal, utf8, type Bytes } from "../src/util/bytes.ts";
import { infoDictionary, type NamedFile } from "../src/wire/create.ts";
import { Download, newPeerId } from "../src/wire/download.ts";
import { BLOCK, handshake, Kind, message, Reading } from "../src/wire/messages.ts";
import { metainfo, type TorrentFile } from "../src/wire/metainfo.ts";
import { Upload, type Sent } from "../src/wire/upload.ts";

const crypto = new InScript();

async function sentOf(files: readonly NamedFile[], content: Bytes): Promise<Sent> {
  const read = async (at: number, length: number): Promise<Bytes> => content.slice(at, at + length);
  const heard: number[] = [];
  const info = await infoDictionary(files, "1f".repeat(16), read, crypto, (bytes) => heard.push(bytes));
  assert.equal(heard.at(-1) ?? 0, content.length);
  return { info, infoHash: await crypto.sha1(info), torrent: metainfo(info), read };
}

/** Let both talk in memory until all is there. */
async function transferred(sent: Sent, files: readonly NamedFile[]): Promise<{ got: Bytes; files: readonly TorrentFile[] }> {
  const got = new Uint8Array(sent.torrent.length);
  let came: readonly TorrentFile[] = [];
  const toDownload: Bytes[] = [];
  let wake = (): void => undefined;
  const upload = new Upload(sent, {
    send: (bytes) => {
      toDownload.push(bytes);
      wake();
    },
    room: async () => undefined,
  });
  const download = new Download(sent.infoHash, crypto, {
    described: async (torrent) => {
      came = arriving(files, torrent);
      return undefined;
    },
    verified: async (piece, content) => got.set(content, piece * sent.torrent.pieceLength),
  });
  upload.start(newPeerId(systemRandom));
  download.start(newPeerId(systemRandom), (bytes) => upload.take(bytes));
  while (!download.isDone) {
    const next = toDownload.shift();
    if (next === undefined) {
      await new Promise<void>((done) => {
        wake = done;
      });
    } else {
      await download.take(next);
    }
  }
  return { got, files: came };
}

const SHAPES: readonly (readonly [string, readonly NamedFile[]])[] = [
  ["a file", [{ path: "a.bin", size: 100_001 }]],
  ["a folder", [{ path: "top/a", size: 70_000 }, { path: "top/b/ü", size: 0 }, { path: "top/c", size: 1 }]],
  ["several things", [{ path: "a", size: 40_000 }, { path: "b/c", size: 40_000 }]],
  ["many pieces", [{ path: "a.bin", size: 20_000_000 }]],
  ["an empty file", [{ path: "a.bin", size: 0 }]],
];
for (const [what, files] of SHAPES) {
  test(`${what} goes over`, async () => {
    const content = bytesOf(randomBytes(files.reduce((sum, { size }) => sum + size, 0)));
    const { got, files: came } = await transferred(await sentOf(files, content), files);
    assert.ok(equal(got, content));
    assert.deepEqual(
      came.map(({ path, length }) => ({ path: path.join("/"), size: length })),
      files,
    );
  });
}

const files = [{ path: "a.bin", size: 3 * BLOCK }];
const SENT = await sentOf(files, bytesOf(randomBytes(3 * BLOCK)));
const request = (...numbers: readonly number[]): Bytes =>
  message(Kind.request, ...numbers.map((n) => bigEndian(n, 4)));

const BAD: readonly (readonly [string, string, Bytes])[] = [
  ["a piece that is not there", "blockOutOfRange", request(99, 0, BLOCK)],
  ["what lies beyond a piece", "blockOutOfRange", request(2, 1, BLOCK)],
  ["nothing", "blockOutOfRange", request(0, 0, 0)],
  ["too much at once", "blockOutOfRange", request(0, 0, 2 ** 20)],
  ["half a question", "badLength", message(Kind.request, bytesOf([0, 0, 0, 0]))],
  ["a description beyond its end", "badExtension", message(Kind.extended, bytesOf([1]), utf8("d8:msg_typei0e5:piecei9ee"))],
  ["nonsense", "bencode", message(Kind.extended, bytesOf([1]), utf8("x"))],
];
for (const [what, detail, said] of BAD) {
  test(`refused: ${what}`, () => {
    const upload = new Upload(SENT, { send: () => undefined, room: async () => undefined });
    upload.take(handshake(SENT.infoHash, newPeerId(systemRandom)));
    assert.throws(() => upload.take(said), { code: "badPeer", detail });
  });
}

test("no more waits than may, and what is cancelled is answered", async () => {
  const said: number[] = [];
  const reading = new Reading(SENT.infoHash);
  const upload = new Upload(SENT, {
    send: (bytes) => said.push(...Array.from(reading.take(bytes), ({ kind }) => kind)),
    room: () => new Promise(() => undefined), // a peer that does not read
  });
  upload.start(newPeerId(systemRandom));
  upload.take(handshake(SENT.infoHash, newPeerId(systemRandom)));
  upload.take(request(0, 0, BLOCK));
  upload.take(request(1, 0, BLOCK));
  upload.take(message(Kind.cancel, ...[1, 0, BLOCK].map((n) => bigEndian(n, 4))));
  assert.deepEqual(said, [Kind.extended, Kind.haveAll, Kind.reject]);
  assert.throws(
    () => {
      for (let count = 0; count < 3_000; count++) {
        upload.take(request(0, 0, BLOCK));
      }
    },
    { code: "badPeer", detail: "requestFlood" },
  );
});
