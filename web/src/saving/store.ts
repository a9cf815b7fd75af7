/** Where what arrives is kept until a person saves it: bytes in, in any order, and a Blob out. */

export interface Store {
  /** Throws Failure `noRoom` where it does not fit. */
  write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What is at a position. */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** All of it, which is on the disk where the browser can do that. */
  blob(): Promise<Blob>;
  /** Give the room back. */
  remove(): Promise<void>;
}
