/** What a person chose is written as browsers let a page write there: beside, and put in place at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../src/failure.ts";
import { Chosen } from "../src/saving/chosen.ts";
import type { Root } from "../src/saving/targets.ts";
import type { TorrentFile } from "../src/wire/metainfo.ts";

/** A browser's file, whose writers have copies of it until they are closed (File System Standard, 2.6). */
class AFile {
  readonly kind = "file";
  readonly name: string;
  content = Buffer.alloc(0);
  /** Bytes that were copied for writers. */
  copied = 0;
  open = 0;
  refuses = "";
  readonly #gone: () => void;

  constructor(name: string, gone: () => void = () => undefined) {
    [this.name, this.#gone] = [name, gone];
  }

  async getFile(): Promise<Blob> {
    return new Blob([this.content]);
  }

  async remove(): Promise<void> {
    this.#gone();
  }

  async createWritable({ keepExistingData = false } = {}): Promise<object> {
    let beside = keepExistingData ? Buffer.from(this.content) : Buffer.alloc(0);
    this.copied += beside.length;
    this.open++;
    return {
      write: async ({ position, data }: { position: number; data: Uint8Array }) => {
        if (this.refuses !== "") {
          throw new DOMException("no", this.refuses);
        }
        const longer = Buffer.alloc(Math.max(beside.length, position + data.length));
        beside.copy(longer);
        longer.set(data, position);
        beside = longer;
      },
      truncate: async (size: number) => {
        const cut = Buffer.alloc(size);
        beside.copy(cut);
        beside = cut;
      },
      close: async () => {
        this.open--;
        this.content = beside;
      },
      abort: async () => {
        this.open--;
      },
    };
  }
}

class AFolder {
  readonly kind = "directory";
  readonly name = "folder";
  readonly inside = new Map<string, AFile | AFolder>();

  async getDirectoryHandle(name: string): Promise<AFolder> {
    const there = this.inside.get(name) ?? new AFolder();
    this.inside.set(name, there);
    assert.ok(there instanceof AFolder);
    return there;
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<AFile> {
    let there = this.inside.get(name);
    if (there instanceof AFolder) {
      throw new DOMException("a folder", "TypeMismatchError");
    }
    if (there === undefined) {
      if (!create) {
        throw new DOMException("none", "NotFoundError");
      }
      there = new AFile(name, () => this.inside.delete(name));
      this.inside.set(name, there);
    }
    return there;
  }
}

function root(handle: AFile | AFolder): Root {
  return handle as unknown as Root;
}

function filesOf(sizes: Readonly<Record<string, number>>): readonly TorrentFile[] {
  let offset = 0;
  return Object.entries(sizes).map(([path, length]) => {
    const file = { path: path.split("/"), offset, length };
    offset += length;
    return file;
  });
}

function bytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed) & 0xff);
}

/** Write all of a content in pieces, the last first. */
async function writeAll(store: Chosen, content: Uint8Array<ArrayBuffer>, piece: number): Promise<void> {
  for (let at = Math.floor((content.length - 1) / piece) * piece; at >= 0; at -= piece) {
    await store.write(at, content.slice(at, at + piece));
  }
}

test("a file that is chosen has all of it once it is finished, and what was there is gone", async () => {
  const file = new AFile("photo.jpg");
  file.content = Buffer.from("what was there before, and is longer");
  const files = filesOf({ "photo.jpg": 20 });
  const store = await Chosen.of(await Chosen.at(root(file), files), files);
  await store.write(7, bytes(20).slice(7, 14));
  assert.equal(file.content.length, 0);
  await store.write(0, bytes(20).slice(0, 7));
  await store.write(14, bytes(20).slice(14));
  assert.equal(await store.finished(), undefined);
  assert.deepEqual(new Uint8Array(file.content), bytes(20));
  assert.equal(file.open, 0);
});

test("files go into a folder under names that nothing there has, with their folders", async () => {
  const folder = new AFolder();
  const mine = await folder.getFileHandle("a.bin", { create: true });
  mine.content = Buffer.from("mine");
  await folder.getDirectoryHandle("c");
  const files = filesOf({ "a.bin": 10, "b/ä.bin": 5, "b/empty": 0, c: 3 });
  const store = await Chosen.of(await Chosen.at(root(folder), files), files);
  await writeAll(store, bytes(18), 4);
  await store.finished();
  assert.equal(mine.content.toString(), "mine");
  const below = await folder.getDirectoryHandle("b");
  const written = [
    await folder.getFileHandle("a (2).bin"),
    await below.getFileHandle("ä.bin"),
    await below.getFileHandle("empty"),
    await folder.getFileHandle("c (2)"),
  ];
  assert.deepEqual(
    written.map(({ content }) => content.length),
    [10, 5, 0, 3],
  );
  assert.deepEqual(Uint8Array.from(Buffer.concat(written.map(({ content }) => content))), bytes(18));
});

test("a page that is loaded anew finds what was put in place, and goes on", async () => {
  const file = new AFile("film.mkv");
  const files = filesOf({ "film.mkv": 100 });
  const target = await Chosen.at(root(file), files);
  const before = await Chosen.of(target, files, 10);
  for (let at = 0; at < 60; at += 5) {
    await before.write(at, bytes(100).slice(at, at + 5));
  }
  // 10 at once, then 20 more are twice what is there; what came after is lost with the page.
  assert.equal(file.content.length, 30);
  const store = await Chosen.of(target, files, 10);
  assert.deepEqual(await store.read(0, 30), bytes(100).slice(0, 30));
  assert.deepEqual(await store.read(25, 10), Uint8Array.from([...bytes(100).slice(25, 30), 0, 0, 0, 0, 0]));
  assert.equal((await store.read(30, 10)).length, 0);
  for (let at = 30; at < 100; at += 5) {
    await store.write(at, bytes(100).slice(at, at + 5));
  }
  await store.finished();
  assert.deepEqual(new Uint8Array(file.content), bytes(100));
});

test("what is copied meanwhile is at most half again as much as the file", async () => {
  const file = new AFile("film.mkv");
  const files = filesOf({ "film.mkv": 1000 });
  const store = await Chosen.of(await Chosen.at(root(file), files), files, 10);
  for (let at = 0; at < 1000; at++) {
    await store.write(at, bytes(1000).slice(at, at + 1));
  }
  await store.finished();
  assert.deepEqual(new Uint8Array(file.content), bytes(1000));
  assert.ok(file.copied > 0 && file.copied <= 1500, `${file.copied} bytes were copied`);
});

test("a file is put in place as soon as it is whole", async () => {
  const folder = new AFolder();
  const files = filesOf({ a: 5, b: 5 });
  const store = await Chosen.of(await Chosen.at(root(folder), files), files);
  await store.write(0, bytes(8));
  assert.deepEqual(new Uint8Array((await folder.getFileHandle("a")).content), bytes(5));
  assert.equal((await folder.getFileHandle("b")).content.length, 0);
});

test("few files of many are written at the same time", async () => {
  const folder = new AFolder();
  const files = filesOf(Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`${at}`, 3])));
  const store = await Chosen.of(await Chosen.at(root(folder), files), files);
  let most = 0;
  for (let at = 0; at < 120; at++) {
    const from = (at % 40) * 3 + Math.floor(at / 40);
    await store.write(from, bytes(120).slice(from, from + 1));
    const open = [...folder.inside.values()].filter((each) => each instanceof AFile && each.open > 0);
    most = Math.max(most, open.length);
  }
  assert.ok(most > 1 && most <= 8, `${most} were open`);
  await store.finished();
  const whole = [...folder.inside.values()].flatMap((each) => (each instanceof AFile ? [...each.content] : []));
  assert.deepEqual(Uint8Array.from(whole), bytes(120));
});

test("what is given up is taken away, and what is beside it stays", async () => {
  const folder = new AFolder();
  await folder.getFileHandle("mine", { create: true });
  const files = filesOf({ "a.bin": 10, "b.bin": 10 });
  const store = await Chosen.of(await Chosen.at(root(folder), files), files);
  await store.write(0, bytes(15));
  await store.remove();
  assert.deepEqual([...folder.inside.keys()], ["mine"]);
  await assert.rejects(store.write(0, bytes(5)), { code: "targetGone" });
});

test("a full disk and a target that is gone are told apart", async () => {
  for (const [refuses, code] of [
    ["QuotaExceededError", "noRoom"],
    ["NotFoundError", "targetGone"],
    ["NotAllowedError", "targetGone"],
  ] as const) {
    const file = new AFile("a");
    const files = filesOf({ a: 10 });
    const store = await Chosen.of(await Chosen.at(root(file), files), files);
    file.refuses = refuses;
    await assert.rejects(store.write(0, bytes(10)), (error) => error instanceof Failure && error.code === code);
  }
});

test("a target that has other files than these is none", async () => {
  const file = new AFile("a");
  const target = await Chosen.at(root(file), filesOf({ a: 1 }));
  await assert.rejects(Chosen.of(target, filesOf({ a: 1, b: 1 })), { code: "targetGone" });
});
