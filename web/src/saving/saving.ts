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
  #files: readonly TorrentFile[] = [];
  #kept: Kept | undefined;

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
    this.#store = Disk.isThere ? await Disk.of(size) : new Blobs();
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
