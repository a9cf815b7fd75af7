/** How fast bytes move: a rate over the last seconds. Pure; times are passed in, in milliseconds. */

const WINDOW = 3_000;

export class Pace {
  readonly #seen: { readonly at: number; readonly bytes: number }[] = [];

  /** Note that so many bytes are here in all. */
  note(bytes: number, at: number): void {
    this.#seen.push({ at, bytes });
    while (this.#seen.length > 2 && at - (this.#seen[1]?.at ?? at) >= WINDOW) {
      this.#seen.shift();
    }
  }

  /** Bytes a second. */
  get rate(): number {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    if (first === undefined || last === undefined || last.at <= first.at) {
      return 0;
    }
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
  }
}
