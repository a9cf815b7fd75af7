/** A sink that keeps what arrives in the browser's store, whichever it has, until it is saved. */

import type { Sink } from "../exchange/receiving.ts";
import { Failure } from "../failure.ts";
import type { TorrentFile } from "../wire/metainfo.ts";
import { Blobs } from "./blobs.ts";
import { Disk } from "./disk.ts";
import type { Store } from "./store.ts";

export interface Kept {
  readonly content: Blob;
  readonly files: readonly TorrentFile[];
}

export class Saving implements Sink {
  #store: Store | undefined;
  /** Under what a page that is loaded anew finds it; known before anything is written. */
  readonly name: string;
  readonly #isFound: boolean;
  #files: readonly TorrentFile[] = [];
  #kept: Kept | undefined;

  /** `before`: the name of what a page that was here before has of it; "" where it has nothing. */
  constructor(before = "") {
    this.name = before || Disk.newName();
    this.#isFound = before !== "";
  }

  /** Bytes that this browser lets the page keep; Infinity where it does not say. */
  static async room(): Promise<number> {
    const storage = navigator.storage as StorageManager | undefined;
    const { quota, usage } = (await storage?.estimate()) ?? {};
    return quota === undefined ? Infinity : quota - (usage ?? 0);
  }

  async described(files: readonly TorrentFile[]): Promise<void> {
    this.#files = files;
    const last = files.at(-1);
    const size = last === undefined ? 0 : last.offset + last.length;
    this.#store = (await Disk.isThere()) ? await Disk.of(this.name, size) : new Blobs();
  }

  async read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const found = this.#isFound ? await this.#store?.read(position, length) : undefined;
    return found ?? new Uint8Array();
  }

  async write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#store?.write(position, content);
  }

  async finished(): Promise<void> {
    if (this.#store === undefined) {
      throw new Failure("notUnderstood");
    }
    this.#kept = { content: await this.#store.blob(), files: this.#files };
  }

  /** Find what a page that was here before has of it, all of which arrived. Throws Failure. */
  async again(files: readonly TorrentFile[]): Promise<Kept> {
    await this.described(files);
    await this.finished();
    const last = files.at(-1);
    if (this.kept.content.size < (last === undefined ? 0 : last.offset + last.length)) {
      throw new Failure("lost"); // a page without files of its own had it in memory
    }
    return this.kept;
  }

  /** What arrived. Throws where it has not. */
  get kept(): Kept {
    if (this.#kept === undefined) {
      throw new Error("it has not arrived");
    }
    return this.#kept;
  }

  /** Give the room back: it was saved, or will not be. */
  async forget(): Promise<void> {
    await this.#store?.remove();
  }
}
