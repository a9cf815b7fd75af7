/** A store that is one file of the origin's private file system, written by disk_worker.ts. */

import { Failure } from "../failure.ts";
import { hex } from "../util/bytes.ts";
import type { Store } from "./store.ts";

/** What a worker is asked; each is answered, in order. */
export type Ask =
  | { readonly number: number; readonly does: "open"; readonly name: string; readonly size: number }
  | {
      readonly number: number;
      readonly does: "write";
      readonly position: number;
      readonly content: Uint8Array<ArrayBuffer>;
    }
  | { readonly number: number; readonly does: "read"; readonly position: number; readonly length: number }
  | { readonly number: number; readonly does: "close" };

/** error: "" where it is done, else the name of a DOMException. content: what was read. */
export interface Told {
  readonly number: number;
  readonly error: string;
  readonly content?: Uint8Array<ArrayBuffer> | undefined;
}

type Asked<T> = T extends unknown ? Omit<T, "number"> : never;

const PREFIX = "arriving-";

export class Disk implements Store {
  readonly #name: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (told: Told) => void>();
  #number = 0;
  #release: () => void = () => undefined;

  private constructor(name: string, worker: Worker) {
    this.#name = name;
    this.#worker = worker;
    // Held for as long as this page is there, so that no other takes the file for a leftover.
    const held = new Promise<void>((done) => {
      this.#release = done;
    });
    void navigator.locks.request(this.#name, () => held);
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      this.#waiting.get(data.number)?.(data);
      this.#waiting.delete(data.number);
    };
  }

  /** Whether this browser has one for this page. */
  static async isThere(): Promise<boolean> {
    // The type says that it is always there; without TLS it is not.
    const storage = navigator.storage as StorageManager | undefined;
    if (typeof storage?.getDirectory !== "function" || typeof Worker !== "function" || location.protocol === "file:") {
      return false; // a page from disk has no file for a worker, either
    }
    // Some have it and refuse it: in private windows, say.
    return storage.getDirectory().then(
      () => true,
      () => false,
    );
  }

  /** A name that no file has. */
  static newName(): string {
    return PREFIX + hex(crypto.getRandomValues(new Uint8Array(8)));
  }

  /**
   * The file of this name, with room for so many bytes: that of a page that was here before, where it
   * is there still. Throws Failure `noRoom`.
   */
  static async of(name: string, size: number): Promise<Disk> {
    const worker = new Worker(new URL("./disk_worker.ts", import.meta.url), { type: "module" });
    const disk = new Disk(name, worker);
    await Disk.tidy(name);
    await disk.#ask({ does: "open", name, size });
    return disk;
  }

  /** Remove what pages of this origin left that are gone, but for this. */
  static async tidy(but: string): Promise<void> {
    const root = await navigator.storage.getDirectory();
    for await (const name of root.keys()) {
      if (name.startsWith(PREFIX) && name !== but) {
        await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
          if (lock !== null) {
            await root.removeEntry(name);
          }
        });
      }
    }
  }

  async write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#ask({ does: "write", position, content });
  }

  async read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#ask({ does: "read", position, length })) ?? new Uint8Array();
  }

  async finished(): Promise<Blob> {
    await this.#ask({ does: "close" });
    const root = await navigator.storage.getDirectory();
    return (await root.getFileHandle(this.#name)).getFile();
  }

  async remove(): Promise<void> {
    this.#worker.terminate();
    this.#release();
    const root = await navigator.storage.getDirectory();
    await root.removeEntry(this.#name).catch(() => undefined);
  }

  async #ask(ask: Asked<Ask>): Promise<Told["content"]> {
    const number = this.#number++;
    const told = await new Promise<Told>((done) => {
      this.#waiting.set(number, done);
      this.#worker.postMessage({ ...ask, number });
    });
    if (told.error !== "") {
      throw new Failure("noRoom", told.error);
    }
    return told.content;
  }
}
