/** Where what arrives is kept: bytes in, in any order, and a Blob out until a person saves it. */

export interface Store {
  /** Throws Failure `noRoom` where it does not fit. */
  write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What is at a position; nothing where nothing is. */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * All of it, to be saved, which is on the disk where the browser can do that; undefined where it is
   * saved as it is. Nothing is written any more.
   */
  finished(): Promise<Blob | undefined>;
  /** Give the room back. */
  remove(): Promise<void>;
}
