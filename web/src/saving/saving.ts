/**
 * A sink that keeps what arrives: where a person chose to have it, or in the browser's own store,
 * whichever it has, until it is saved.
 */

import type { Sink } from "../exchange/receiving.ts";
import { Failure } from "../failure.ts";
import { hex } from "../util/bytes.ts";
import type { TorrentFile } from "../wire/metainfo.ts";
import { Blobs } from "./blobs.ts";
import { Chosen } from "./chosen.ts";
import { Disk } from "./disk.ts";
import { askToWrite, dropTarget, keepTarget, mayWrite, targetOf, type Target, type Root } from "./targets.ts";
import type { Store } from "./store.ts";

export interface Kept {
  readonly content: Blob;
  readonly files: readonly TorrentFile[];
}

const CHOSEN = "chosen-";

export class Saving implements Sink {
  #store: Store | undefined;
  #name: string;
  readonly #isFound: boolean;
  #files: readonly TorrentFile[] = [];
  #kept: Kept | undefined;
  #target: Target | undefined;

  /** `before`: the name of what a page that was here before has of it; "" where it has nothing. */
  constructor(before = "") {
    this.#name = before || Disk.newName();
    this.#isFound = before !== "";
  }

  /** Under what a page that is loaded anew finds it; known before anything is written. */
  get name(): string {
    return this.#name;
  }

  /** Whether a person chose where it goes. */
  get isChosen(): boolean {
    return this.#name.startsWith(CHOSEN);
  }

  /** Bytes that this browser lets the page keep; Infinity where it does not say. */
  static async room(): Promise<number> {
    const storage = navigator.storage as StorageManager | undefined;
    const { quota, usage } = (await storage?.estimate()) ?? {};
    return quota === undefined ? Infinity : quota - (usage ?? 0);
  }

  /** Have it where a person chose: in this file, or this folder. Before anything is described. */
  async choose(root: Root): Promise<void> {
    this.#name = CHOSEN + hex(crypto.getRandomValues(new Uint8Array(8)));
    this.#target = { root, files: [] };
    await keepTarget(this.#name, this.#target);
  }

  /** Whether what was chosen may be written to; `denied` also where it is not known any more. */
  async mayWrite(): Promise<PermissionState> {
    const target = await this.#chosen();
    return target === undefined ? "denied" : mayWrite(target);
  }

  /** Have the browser ask for that, as the person has just pressed something; whether they said yes. */
  async askToWrite(): Promise<boolean> {
    return this.#target !== undefined && askToWrite(this.#target);
  }

  async described(files: readonly TorrentFile[]): Promise<void> {
    this.#files = files;
    const last = files.at(-1);
    const size = last === undefined ? 0 : last.offset + last.length;
    if (this.isChosen) {
      this.#store = await this.#atTarget(files);
    } else {
      this.#store = (await Disk.isThere()) ? await Disk.of(this.name, size) : new Blobs();
    }
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
    const content = await this.#store.finished();
    if (content !== undefined) {
      this.#kept = { content, files: this.#files };
    } else {
      await dropTarget(this.#name);
    }
  }

  /** Find what a page that was here before has of it, all of which arrived. Throws Failure. */
  async again(files: readonly TorrentFile[]): Promise<Kept> {
    await this.described(files);
    await this.finished();
    const last = files.at(-1);
    if (this.#kept === undefined || this.#kept.content.size < (last === undefined ? 0 : last.offset + last.length)) {
      throw new Failure("lost"); // a page without files of its own had it in memory
    }
    return this.#kept;
  }

  /** What arrived, to be saved; undefined where it has not, or is where a person chose. */
  get kept(): Kept | undefined {
    return this.#kept;
  }

  /** Give the room back: it was saved, or will not be. */
  async forget(): Promise<void> {
    await this.#store?.remove();
    if (this.isChosen) {
      await dropTarget(this.#name);
    }
  }

  async #chosen(): Promise<Target | undefined> {
    return (this.#target ??= await targetOf(this.#name));
  }

  async #atTarget(files: readonly TorrentFile[]): Promise<Store> {
    let target = await this.#chosen();
    if (target === undefined) {
      throw new Failure("targetGone");
    }
    if (target.files.length === 0) {
      this.#target = target = await Chosen.at(target.root, files);
      await keepTarget(this.#name, target);
    }
    return Chosen.of(target, files);
  }
}
