/** What a partner offers, looked at; and whether the torrent that comes is what was offered. */

import { Failure } from "../failure.ts";
import type { Word } from "../session/envelope.ts";
import type { Metainfo, TorrentFile } from "../wire/metainfo.ts";

/** Most files in one request, and most characters in the path of each. */
const MOST_FILES = 10_000;
const LONGEST_PATH = 1024;

export interface OfferedFile {
  /** Relative, `/` between parts. */
  readonly path: string;
  readonly size: number;
}

/**
 * The files of a `fileRequest`. Throws Failure `notUnderstood` where it makes no sense, leads
 * elsewhere, or asks for what a page cannot take: a stream, or links.
 */
export function offeredOf(request: Word): readonly OfferedFile[] {
  const { files, stream, links } = request;
  const plain = stream !== true && (links === undefined || (Array.isArray(links) && links.length === 0));
  if (!plain || !Array.isArray(files) || files.length === 0 || files.length > MOST_FILES) {
    throw new Failure("notUnderstood", "request");
  }
  const offered = files.map(fileOf);
  if (new Set(offered.map(({ path }) => path)).size !== offered.length) {
    throw new Failure("notUnderstood", "request");
  }
  return offered;
}

/** Where each offered file lies in the torrent. Throws Failure `badPeer` where it is another's. */
export function arriving(offered: readonly OfferedFile[], torrent: Metainfo): readonly TorrentFile[] {
  // A single folder is offered with the torrent's name in front; several things are not.
  const named = torrent.files.map((file) => file.path.join("/"));
  const loose = torrent.files.map((file) => file.path.slice(1).join("/"));
  const matches = (paths: readonly string[]): boolean =>
    paths.length === offered.length &&
    offered.every(({ path, size }, at) => path === paths[at] && size === torrent.files[at]?.length);
  if (!matches(named) && !matches(loose)) {
    throw new Failure("badPeer", "badMetadata");
  }
  return torrent.files.map((file, at) => ({ ...file, path: (offered[at]?.path ?? "").split("/") }));
}

function fileOf(value: unknown): OfferedFile {
  const { path, size } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof path !== "string" || path.length > LONGEST_PATH || typeof size !== "number") {
    throw new Failure("notUnderstood", "request");
  }
  const leadsDown = path
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part));
  if (!leadsDown || !Number.isSafeInteger(size) || size < 0) {
    throw new Failure("notUnderstood", "request");
  }
  return { path, size };
}
