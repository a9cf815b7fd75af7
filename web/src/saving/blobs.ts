/**
 * A store of Blobs, one for each write: a browser moves them out of the page, and to its disk where
 * they are many. For pages that came without TLS, which have no file system.
 */

import type { Store } from "./store.ts";

export class Blobs implements Store {
  readonly #parts = new Map<number, Blob>();

  async write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#parts.set(position, new Blob([content]));
  }

  async read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#parts.size === 0) {
      return new Uint8Array(); // of a page that was here before nothing is left
    }
    const whole = this.#whole();
    return new Uint8Array(await whole.slice(position, position + length).arrayBuffer());
  }

  async finished(): Promise<Blob> {
    return this.#whole();
  }

  #whole(): Blob {
    const parts = [...this.#parts].sort(([one], [other]) => one - other);
    return new Blob(parts.map(([, part]) => part));
  }

  async remove(): Promise<void> {
    this.#parts.clear();
  }
}
