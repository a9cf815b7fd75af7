/** One request of the partner's, taken: from a yes to every piece, verified, and the words of it. */

import type { Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { SealedSignaling } from "../signaling/sealed.ts";
import type { Word } from "../session/envelope.ts";
import type { Session } from "../session/session.ts";
import { equal, unbase64, unhex } from "../util/bytes.ts";
import { Download, magnetOf } from "../wire/download.ts";
import {
  pieceCount,
  pieceHash,
  pieceSize,
  type Metainfo,
  type TorrentFile,
} from "../wire/metainfo.ts";
import { FIGURES_EVERY, overChannels, type Surroundings, type Watch } from "./channels.ts";
import { arriving, type OfferedFile } from "./offer.ts";
import { Pace } from "./pace.ts";

/** Where pieces go, in any order; each call is awaited before more is read. */
export interface Sink {
  /** The files that were offered, and where each begins in what is written. */
  described(files: readonly TorrentFile[]): Promise<void>;
  write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void>;
  /** What an earlier page has written there; nothing where there was none. */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** All of it was written. */
  finished(): Promise<void>;
}

/**
 * Fetch what was offered and `fileReady` tells of, and say so in the session. A channel that breaks
 * is made again. Throws Failure: also where the torrent is another than what was offered; and the
 * reason of an abort.
 */
export async function receive(
  offered: readonly OfferedFile[],
  ready: Word,
  session: Session,
  sink: Sink,
  surroundings: Surroundings,
  watch: Watch,
): Promise<void> {
  const { id, magnetURI, swarmKey } = ready;
  if (typeof id !== "string" || typeof magnetURI !== "string" || typeof swarmKey !== "string") {
    throw new Failure("notUnderstood");
  }
  const infoHash = unhex(magnetOf(magnetURI).infoHash);
  const { crypto } = surroundings;
  const signaling = await SealedSignaling.of(infoHash, unbase64(swarmKey), crypto);
  const pace = new Pace();
  let [length, pieceLength, got, told] = [0, 0, 0, 0];
  const download = new Download(infoHash, crypto, {
    described: async (torrent) => {
      [length, pieceLength] = [torrent.length, torrent.pieceLength];
      await sink.described(arriving(offered, torrent));
      await session.say("downloadStarted", { id });
      const here = await found(torrent, sink, crypto, watch.signal);
      got = [...here].reduce((sum, piece) => sum + pieceSize(torrent, piece), 0);
      return here;
    },
    verified: async (piece, content) => {
      await sink.write(piece * pieceLength, content);
      got += content.length;
      watch.moved(got, length);
      const now = Date.now();
      pace.note(got, now);
      if (now - told >= FIGURES_EVERY) {
        told = now;
        const downloadSpeed = Math.round(pace.rate);
        const figures = { id, downloaded: got, downloadSpeed, progress: got / length };
        await session.say("progressUpdate", figures);
      }
    },
  });
  await overChannels(signaling, surroundings, watch, async (channel, peerId) => {
    download.start(peerId, (bytes) => channel.send(bytes));
    while (!download.isDone) {
      await download.take(await channel.next());
    }
  });
  await sink.finished();
  await session.say("downloadComplete", { id });
}

/** The pieces that an earlier page has written, each compared with its hash. */
async function found(
  torrent: Metainfo,
  sink: Sink,
  crypto: Primitives,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const here = new Set<number>();
  for (let piece = 0; piece < pieceCount(torrent); piece++) {
    signal.throwIfAborted();
    const content = await sink.read(piece * torrent.pieceLength, pieceSize(torrent, piece));
    // Nothing was written there; of several files, a later one may be whole.
    if (content.length > 0 && equal(await crypto.sha1(content), pieceHash(torrent, piece))) {
      here.add(piece);
    }
  }
  return here;
}
