/** A torrent made of files: each piece hashed, and the info dictionary of a private transfer. */

import type { Primitives } from "../crypto/primitives.ts";
import { concat, utf8, type Bytes } from "../util/bytes.ts";
import { encode, type Bencoded } from "./bencode.ts";

export interface NamedFile {
  /** Relative, `/` between parts. */
  readonly path: string;
  readonly size: number;
}

const SHORTEST = 16 * 1024;
const LONGEST = 8 * 1024 * 1024;
/** About so many pieces, as far as their length allows. */
const PIECES = 1_024;

/**
 * The info dictionary of these files.
 *
 * `source` makes its infohash unique; `read` returns what is at a position of all files, one after
 * the other; `hashed` hears how many bytes are.
 */
export async function infoDictionary(
  files: readonly NamedFile[],
  source: string,
  read: (position: number, length: number) => Promise<Bytes>,
  crypto: Primitives,
  hashed: (bytes: number) => void,
): Promise<Bytes> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let pieceLength = SHORTEST;
  while (pieceLength < LONGEST && pieceLength * PIECES < total) {
    pieceLength *= 2;
  }
  const hashes: Bytes[] = [];
  for (let at = 0; at < total; at += pieceLength) {
    const length = Math.min(pieceLength, total - at);
    hashes.push(await crypto.sha1(await read(at, length)));
    hashed(at + length);
  }
  return encode(
    new Map<string, Bencoded>([
      ...contents(files),
      ["piece length", pieceLength],
      ["pieces", concat(...hashes)],
      ["source", utf8(source)],
    ]),
  );
}

function contents(files: readonly NamedFile[]): readonly (readonly [string, Bencoded])[] {
  const [first] = files;
  if (first !== undefined && files.length === 1 && !first.path.includes("/")) {
    return [["name", utf8(first.path)], ["length", first.size]];
  }
  const parts = files.map(({ path }) => path.split("/"));
  const top = parts[0]?.[0] ?? "";
  const isOneFolder = parts.every((each) => each.length > 1 && each[0] === top);
  const listed = files.map(({ size }, at) => {
    const path = (parts[at] ?? []).slice(isOneFolder ? 1 : 0).map(utf8);
    return new Map<string, Bencoded>([["length", size], ["path", path]]);
  });
  return [["name", utf8(isOneFolder ? top : `${files.length} files`)], ["files", listed]];
}
