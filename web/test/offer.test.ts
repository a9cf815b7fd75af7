/** What is offered is looked at, and what comes is compared with it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { arriving, offeredOf } from "../src/exchange/offer.ts";
import type { Metainfo } from "../src/wire/metainfo.ts";

const file = (path: unknown, size: unknown = 5) => ({ files: [{ path, size }] });

test("files are taken as they are offered", () => {
  const files = [{ path: "a", size: 1, mode: 0o644 }, { path: "b/ü.txt", size: 0 }];
  assert.deepEqual(offeredOf({ id: "00", files, links: [] }), [{ path: "a", size: 1 }, { path: "b/ü.txt", size: 0 }]);
});

const SENSELESS: readonly (readonly [string, Record<string, unknown>])[] = [
  ["no files", { files: [] }],
  ["no list", { files: "a" }],
  ["too many", { files: Array.from({ length: 10_001 }, (_, n) => ({ path: `${n}`, size: 1 })) }],
  ["one twice", { files: [{ path: "a", size: 1 }, { path: "a", size: 1 }] }],
  ["a stream", { ...file("a"), stream: true }],
  ["links", { ...file("a"), links: [{ path: "b", to: "a" }] }],
  ["null", { files: [null] }],
  ...[1, "", "/a", "a/", "a//b", ".", "../a", "a/../b", "a\\b", "a\0", "x".repeat(1025)].map(
    (path) => [`the path ${JSON.stringify(path).slice(0, 20)}`, file(path)] as const,
  ),
  ...[-1, 1.5, 2 ** 53, "5", null, NaN].map((size) => [`the size ${size}`, file("a", size)] as const),
];
for (const [what, request] of SENSELESS) {
  test(`refused: ${what}`, () => assert.throws(() => offeredOf(request), { code: "notUnderstood" }));
}

function torrent(name: string, ...files: readonly (readonly [string, number])[]): Metainfo {
  const listed = files.map(([path, length]) => ({ path: path.split("/"), offset: 0, length }));
  return { name, pieceLength: 1, hashes: new Uint8Array(), files: listed, length: 0 };
}

test("a folder comes under its name, several things under theirs, a file as it is", () => {
  const [one, two] = [{ path: "top/a", size: 1 }, { path: "top/b/c", size: 2 }];
  const paths = (came: Metainfo, offered = [one, two]) => arriving(offered, came).map(({ path }) => path.join("/"));
  assert.deepEqual(paths(torrent("top", ["top/a", 1], ["top/b/c", 2])), ["top/a", "top/b/c"]);
  assert.deepEqual(paths(torrent("2 files", ["2 files/top/a", 1], ["2 files/top/b/c", 2])), ["top/a", "top/b/c"]);
  assert.deepEqual(paths(torrent("a", ["a", 1]), [{ path: "a", size: 1 }]), ["a"]);
});

test("anything else than was offered is refused", () => {
  const offered = [{ path: "top/a", size: 1 }, { path: "top/b", size: 2 }];
  for (const came of [
    torrent("top", ["top/a", 1]),
    torrent("top", ["top/b", 2], ["top/a", 1]),
    torrent("top", ["top/a", 1], ["top/b", 3]),
    torrent("top", ["top/a", 1], ["top/b", 2], ["top/c", 0]),
    torrent("other", ["other/a", 1], ["other/b", 2]),
  ]) {
    assert.throws(() => arriving(offered, came), { code: "badPeer", detail: "badMetadata" });
  }
});
