/** What a torrent is: its info dictionary, read and checked. No file is ever touched here. */

import { Failure } from "../failure.ts";
import { textOf, type Bytes } from "../util/bytes.ts";
import { byteString, decode, dictionary, integer, type Bencoded, type Dictionary } from "./bencode.ts";

export interface TorrentFile {
  /** Relative, its parts as they stand there. */
  readonly path: readonly string[];
  readonly offset: number;
  readonly length: number;
}

export interface Metainfo {
  readonly name: string;
  readonly pieceLength: number;
  /** SHA-1 of each piece, 20 bytes each. */
  readonly hashes: Bytes;
  readonly files: readonly TorrentFile[];
  readonly length: number;
}

const HASH = 20;
const MOST_FILES = 10_000;
const LONGEST_PIECE = 256 * 1024 * 1024;

/** Throws Failure `badPeer` where it makes no sense. */
export function metainfo(info: Bytes): Metainfo {
  const fields = dictionary(decode(info));
  const name = part(fields.get("name"));
  const pieceLength = integer(fields.get("piece length"), 1);
  const hashes = byteString(fields.get("pieces"));
  const files = filesOf(fields, name);
  const length = files.reduce((sum, file) => sum + file.length, 0);
  const pieces = Math.ceil(length / pieceLength);
  if (!Number.isSafeInteger(length) || pieceLength > LONGEST_PIECE || hashes.length !== pieces * HASH) {
    throw bad();
  }
  return { name, pieceLength, hashes, files, length };
}

export function pieceCount(torrent: Metainfo): number {
  return torrent.hashes.length / HASH;
}

export function pieceSize(torrent: Metainfo, piece: number): number {
  return Math.min(torrent.pieceLength, torrent.length - piece * torrent.pieceLength);
}

export function pieceHash(torrent: Metainfo, piece: number): Bytes {
  return torrent.hashes.slice(piece * HASH, (piece + 1) * HASH);
}

function filesOf(fields: Dictionary, name: string): readonly TorrentFile[] {
  const listed = fields.get("files");
  if (listed === undefined) {
    return [{ path: [name], offset: 0, length: integer(fields.get("length")) }];
  }
  if (!Array.isArray(listed) || listed.length > MOST_FILES) {
    throw bad();
  }
  let offset = 0;
  const files: TorrentFile[] = [];
  for (const entry of listed as readonly Bencoded[]) {
    const file = dictionary(entry);
    const parts = file.get("path");
    if (!Array.isArray(parts) || parts.length === 0) {
      throw bad();
    }
    const length = integer(file.get("length"));
    files.push({ path: [name, ...(parts as readonly Bencoded[]).map(part)], offset, length });
    offset += length;
  }
  return files;
}

/** A part of a path, which leads nowhere else. */
function part(value: Bencoded | undefined): string {
  let text: string;
  try {
    text = textOf(byteString(value));
  } catch {
    throw bad();
  }
  if (text === "" || text === "." || text === ".." || /[/\\\0]/.test(text)) {
    throw bad();
  }
  return text;
}

function bad(): Failure {
  return new Failure("badPeer", "badMetadata");
}
