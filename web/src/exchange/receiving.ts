/** One request of the partner's, taken: from a yes to every piece, verified, and the words of it. */

import { systemRandom, type Primitives } from "../crypto/primitives.ts";
import { Failure } from "../failure.ts";
import { Meeting } from "../meeting/meeting.ts";
import { SealedSignaling } from "../signaling/sealed.ts";
import type { Word } from "../session/envelope.ts";
import type { Session } from "../session/session.ts";
import { unbase64, unhex } from "../util/bytes.ts";
import { Download, magnetOf, newPeerId } from "../wire/download.ts";
import { KEEP_ALIVE } from "../wire/messages.ts";
import type { TorrentFile } from "../wire/metainfo.ts";
import { arriving, type OfferedFile } from "./offer.ts";

/** Milliseconds without a word in a private swarm, after which a keep-alive follows. */
export const KEEP_ALIVE_EVERY = 5_000;
/** Milliseconds between two figures. */
const FIGURES_EVERY = 250;

/** Where pieces go, in any order; each call is awaited before more is read. */
export interface Sink {
  /** The files that were offered, and where each begins in what is written. */
  described(files: readonly TorrentFile[]): Promise<void>;
  write(position: number, content: Uint8Array<ArrayBuffer>): Promise<void>;
  /** All of it was written. */
  finished(): Promise<void>;
}

export interface Surroundings {
  readonly crypto: Primitives;
  /** The relay's tracker. */
  readonly tracker: string;
  readonly webrtc: RTCConfiguration;
}

/**
 * Fetch what was offered and `fileReady` tells of, and say so in the session. Throws Failure: also
 * where the torrent is another than what was offered.
 */
export async function receive(
  offered: readonly OfferedFile[],
  ready: Word,
  session: Session,
  sink: Sink,
  { crypto, tracker, webrtc }: Surroundings,
): Promise<void> {
  const { id, magnetURI, swarmKey } = ready;
  if (typeof id !== "string" || typeof magnetURI !== "string" || typeof swarmKey !== "string") {
    throw new Failure("notUnderstood");
  }
  const infoHash = unhex(magnetOf(magnetURI).infoHash);
  const peerId = newPeerId(systemRandom);
  const signaling = await SealedSignaling.of(infoHash, unbase64(swarmKey), crypto);
  const meeting = new Meeting(signaling, peerId, webrtc);
  try {
    await meeting.at(tracker);
    const channel = await meeting.channel;
    let [length, pieceLength, got, told] = [0, 0, 0, 0];
    const download = new Download(infoHash, crypto, {
      send: (bytes) => channel.send(bytes),
      described: async (torrent) => {
        [length, pieceLength] = [torrent.length, torrent.pieceLength];
        await sink.described(arriving(offered, torrent));
        await session.say("downloadStarted", { id });
      },
      verified: async (piece, content) => {
        await sink.write(piece * pieceLength, content);
        got += content.length;
        const now = Date.now();
        if (now - told >= FIGURES_EVERY) {
          told = now;
          const figures = { id, downloaded: got, downloadSpeed: 0, progress: got / length };
          await session.say("progressUpdate", figures);
        }
      },
    });
    const alive = setInterval(() => channel.send(KEEP_ALIVE), KEEP_ALIVE_EVERY);
    try {
      download.start(peerId);
      while (!download.isDone) {
        await download.take(await channel.next());
      }
      await sink.finished();
      await session.say("downloadComplete", { id });
    } finally {
      clearInterval(alive);
      channel.close();
    }
  } finally {
    meeting.close();
  }
}
