/**
 * A store that is where a person chose: a file of theirs, or files in a folder of theirs (File System
 * Access API). Nothing goes through the browser's own store, whatever its size.
 *
 * A browser writes beside such a file and puts that in its place when the writer is closed, after it
 * has copied what was there before. So a writer is closed when it has written the rest, or twice what
 * was there: a page that is loaded anew finds a third of a large file at least, and what is copied
 * meanwhile is at most half again as much as the file. Whether the page may write there is targets.ts'.
 */

import { Failure } from "../failure.ts";
import type { TorrentFile } from "../wire/metainfo.ts";
import { newFile } from "./folders.ts";
import type { Target, Root } from "./targets.ts";
import type { Store } from "./store.ts";

/** Bytes of a file that are put in place at once, at least. */
const AT_ONCE = 256 * 1024 * 1024;
/** Files that are written at the same time. */
const MOST_WRITERS = 8;

interface Part {
  readonly handle: FileSystemFileHandle;
  readonly offset: number;
  readonly length: number;
  /** Bytes that are in place. */
  placed: number;
  /** By what more is written, and how much is; undefined and 0 while nothing is. */
  writer: FileSystemWritableFileStream | undefined;
  unplaced: number;
  /** Bytes that were not written yet; Infinity where an earlier page may have. */
  left: number;
}

export class Chosen implements Store {
  readonly #parts: readonly Part[];
  /** Those that are being written, the one that was longest ago first. */
  readonly #writing = new Set<Part>();
  readonly #atOnce: number;
  #isGone = false;

  private constructor(parts: readonly Part[], atOnce: number) {
    [this.#parts, this.#atOnce] = [parts, atOnce];
  }

  /**
   * A target for these files at what a person has just picked: the one file, which they have said may
   * be replaced, or new ones in a folder, where nothing is. Throws Failure `targetGone`.
   */
  static async at(root: Root, files: readonly TorrentFile[]): Promise<Target> {
    return guarded(async () => {
      if (root.kind === "file") {
        await (await root.createWritable()).close(); // what was there is none of what arrives
        return { root, files: [root] };
      }
      const made: FileSystemFileHandle[] = [];
      for (const { path } of files) {
        made.push(await newFile(root, path));
      }
      return { root, files: made };
    });
  }

  /**
   * What stores these files there; `atOnce`: bytes that are put in place at once, at least. Throws
   * Failure `targetGone` where one is not there.
   */
  static async of(target: Target, files: readonly TorrentFile[], atOnce = AT_ONCE): Promise<Chosen> {
    return guarded(async () => {
      const parts: Part[] = [];
      for (const [at, { offset, length }] of files.entries()) {
        const handle = target.files[at];
        if (handle === undefined) {
          throw new Failure("targetGone");
        }
        const { size } = await handle.getFile();
        const left = size === 0 ? length : Infinity;
        parts.push({ handle, offset, length, placed: size, writer: undefined, unplaced: 0, left });
      }
      return new Chosen(parts, atOnce);
    });
  }

  async write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void> {
    await guarded(async () => {
      for (const [part, within, piece] of this.#pieces(position, content.length)) {
        const data = content.subarray(piece.from, piece.to);
        await (await this.#writer(part)).write({ type: "write", position: within, data });
        part.unplaced += data.length;
        part.left -= data.length;
        if (part.left === 0 || part.unplaced >= Math.max(this.#atOnce, 2 * part.placed)) {
          await this.#place(part);
        }
      }
    });
  }

  async read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return guarded(async () => {
      const content = new Uint8Array(length);
      let found = 0;
      for (const [{ handle }, within, piece] of this.#pieces(position, length)) {
        const file = await handle.getFile();
        const there = new Uint8Array(await file.slice(within, within + piece.to - piece.from).arrayBuffer());
        content.set(there, piece.from);
        found += there.length;
      }
      return found > 0 ? content : new Uint8Array();
    });
  }

  /** It is where the person wants it: there is nothing to be saved. */
  async finished(): Promise<undefined> {
    await guarded(async () => {
      for (const part of this.#parts) {
        const { size } = await part.handle.getFile();
        if (part.writer !== undefined || size !== part.length) {
          await (await this.#writer(part)).truncate(part.length);
          await this.#place(part);
        }
      }
    });
  }

  /** Take away what is not whole. */
  async remove(): Promise<void> {
    this.#isGone = true;
    for (const part of this.#parts) {
      await part.writer?.abort().catch(() => undefined);
      const handle = part.handle as FileSystemFileHandle & { remove?(): Promise<void> };
      await handle.remove?.().catch(() => undefined);
    }
    this.#writing.clear();
  }

  /** What of so many bytes goes into which file, and where in it. */
  *#pieces(position: number, length: number): Generator<readonly [Part, number, { from: number; to: number }]> {
    const end = position + length;
    for (let at = this.#at(position); at < this.#parts.length; at++) {
      const part = this.#parts[at];
      if (part === undefined || part.offset >= end) {
        return;
      }
      const [from, to] = [Math.max(position, part.offset), Math.min(end, part.offset + part.length)];
      if (from < to) {
        yield [part, from - part.offset, { from: from - position, to: to - position }];
      }
    }
  }

  /** The number of the first file that may hold this position. */
  #at(position: number): number {
    let [low, high] = [0, this.#parts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { offset, length } = this.#parts[middle] ?? { offset: 0, length: 0 };
      [low, high] = offset + length <= position ? [middle + 1, high] : [low, middle];
    }
    return low;
  }

  async #writer(part: Part): Promise<FileSystemWritableFileStream> {
    this.#writing.delete(part);
    this.#writing.add(part);
    if (part.writer === undefined) {
      const [oldest] = this.#writing;
      if (this.#writing.size > MOST_WRITERS && oldest !== undefined) {
        await this.#place(oldest);
      }
      part.writer = await part.handle.createWritable({ keepExistingData: true });
    }
    if (this.#isGone) {
      await part.writer.abort(); // it began when it was taken away
      throw new Failure("targetGone", "AbortError");
    }
    return part.writer;
  }

  /** Have what was written of a file put in place. */
  async #place(part: Part): Promise<void> {
    const { writer } = part;
    this.#writing.delete(part);
    part.writer = undefined;
    await writer?.close();
    part.unplaced = 0;
    part.placed = (await part.handle.getFile()).size;
  }
}

/** Do this; what a browser throws is a Failure: there is no room, or the target is not there any more. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) {
      throw error;
    }
    const { name } = error instanceof Error ? error : { name: "Error" };
    throw new Failure(name === "QuotaExceededError" ? "noRoom" : "targetGone", name);
  }
}
