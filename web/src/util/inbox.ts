/** A bounded queue with one reader, which ends by a failure. */

import type { Failure } from "../failure.ts";

export class Inbox<T> {
  readonly #most: number;
  readonly #overflow: () => Failure;
  readonly #waiting: T[] = [];
  #failure: Failure | undefined;
  #reader: { take: (item: T) => void; fail: (failure: Failure) => void } | undefined;

  /** `overflow` makes the failure that more than `most` unread items are. */
  constructor(most: number, overflow: () => Failure) {
    this.#most = most;
    this.#overflow = overflow;
  }

  put(item: T): void {
    if (this.#failure !== undefined) {
      return;
    }
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) {
      reader.take(item);
    } else if (this.#waiting.length < this.#most) {
      this.#waiting.push(item);
    } else {
      this.fail(this.#overflow());
    }
  }

  /** From now on nothing is put; what is unread can still be read, then the failure is thrown. */
  fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#reader?.fail(this.#failure);
    this.#reader = undefined;
  }

  /** The next item. One reader at a time. */
  next(): Promise<T> {
    if (this.#reader !== undefined) {
      throw new Error("somebody reads already");
    }
    const item = this.#waiting.shift();
    if (item !== undefined) {
      return Promise.resolve(item);
    }
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    return new Promise((take, fail) => {
      this.#reader = { take, fail };
    });
  }
}
