/** Somebody in a real browser, for the Python tests: joins by a code and takes all, or makes one and sends. */

import { primitives } from "../src/crypto/choice.ts";
import { offeredOf, type OfferedFile } from "../src/exchange/offer.ts";
import { Sending } from "../src/exchange/sending.ts";
import { receive, type Sink, type Surroundings } from "../src/exchange/receiving.ts";
import { Failure } from "../src/failure.ts";
import { RelayConnection } from "../src/relay/connection.ts";
import type { Room } from "../src/relay/room.ts";
import { codeText, newCode, parseCode, type Code } from "../src/session/code.ts";
import type { Hello } from "../src/session/hello.ts";
import { pair } from "../src/session/pairing_handshake.ts";
import { Session } from "../src/session/session.ts";
import type { Side } from "../src/session/side.ts";
import { bytesOf, hex } from "../src/util/bytes.ts";
import type { TorrentFile } from "../src/wire/metainfo.ts";

declare global {
  /** Made by the driver. */
  function report(line: object): Promise<void>;
  function join(code: string): Promise<void>;
  function send(sizes: Readonly<Record<string, number>>): Promise<void>;
}

/** Everything in memory: what is tested is how it gets here. */
class InMemory implements Sink {
  files: readonly TorrentFile[] = [];
  content = new Uint8Array();

  async described(files: readonly TorrentFile[]): Promise<void> {
    this.files = files;
    this.content = new Uint8Array(files.reduce((sum, { length }) => sum + length, 0));
  }

  async write(position: number, content: Uint8Array): Promise<void> {
    this.content.set(content, position);
  }

  async finished(): Promise<void> {
    for (const { path, offset, length } of this.files) {
      const digest = hex(await primitives().sha256(this.content.slice(offset, offset + length)));
      await report({ event: "file", path: path.join("/"), digest });
    }
  }
}

async function taken(session: Session): Promise<void> {
  let offered: readonly OfferedFile[] = [];
  for (;;) {
    const { event, word } = await session.next();
    await report({ event: "heard", word: event });
    if (event === "fileRequest") {
      offered = offeredOf(word);
      await session.say("fileAnswer", { id: word["id"], accepted: offered.map(() => true) });
    } else if (event === "fileReady") {
      const began = performance.now();
      // Words go on meanwhile.
      receive(offered, word, session, new InMemory(), surroundings()).then(
        () => report({ event: "done", seconds: (performance.now() - began) / 1000 }),
        refused,
      );
    }
  }
}

/** Send random files of these sizes, and say what is in them. */
async function sent(session: Session, sizes: Readonly<Record<string, number>>): Promise<void> {
  const files = Object.entries(sizes).map(([path, size]) => ({ path, size }));
  const parts = files.map(({ size }) => random(size));
  for (const [at, { path }] of files.entries()) {
    const digest = hex(await primitives().sha256(bytesOf(parts[at] ?? [])));
    await report({ event: "file", path, digest });
  }
  const blob = new Blob(parts);
  const read = async (position: number, length: number): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(await blob.slice(position, position + length).arrayBuffer());
  const sending = new Sending({ files, read }, session, surroundings());
  await sending.ask();
  while (!(await sending.take(await session.next())));
  await report({ event: "done" });
  await session.end();
}

function random(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

function surroundings(): Surroundings {
  const tracker = new URL("/announce", location.href.replace(/^http/, "ws")).href;
  return { crypto: primitives(), tracker, webrtc: {} };
}

function refused(error: unknown): Promise<void> {
  const code = error instanceof Failure ? error.code : "fault";
  const detail = error instanceof Failure ? error.detail : String(error);
  return report({ event: "refused", code, detail });
}

async function paired(by: Code, side: Side, wants: Hello["wants"], room: Room): Promise<Session> {
  const agreed = await pair(by, side, { name: "Page", wants }, room);
  await report({ event: "paired", verification: agreed.shared.verification });
  return new Session(agreed, room);
}

globalThis.join = async (typed) => {
  const relay = await RelayConnection.to(location.origin);
  const code = parseCode(typed);
  const session = await paired(code, "joiner", "receive", await relay.claim(code.nameplate));
  taken(session).catch(refused);
};

globalThis.send = async (sizes) => {
  const relay = await RelayConnection.to(location.origin);
  const waiting = await relay.allocate();
  const code = newCode(waiting.nameplate);
  await report({ event: "code", code: codeText(code) });
  const session = await paired(code, "maker", "send", await waiting.room);
  sent(session, sizes).catch(refused);
};
