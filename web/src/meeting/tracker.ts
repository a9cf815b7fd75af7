/**
 * A connection to a WebTorrent tracker for one swarm: announces out, offers and answers in.
 *
 * What is in a description, and which are taken, never lives here.
 */

import { Failure } from "../failure.ts";
import type { Description } from "../signaling/sealed.ts";
import { bytesOf, type Bytes } from "../util/bytes.ts";

/** Longest frame that is read, in characters. */
const LONGEST = 64 * 1024;

export interface Offer {
  readonly offerId: Bytes;
  readonly description: Description;
}

export interface Listener {
  offered(offer: Offer, from: Bytes): void;
  answered(offerId: Bytes, description: Description, from: Bytes): void;
  /** The connection is over. */
  lost(): void;
}

export class TrackerSwarm {
  readonly #socket: WebSocket;
  readonly #swarm: string;
  readonly #peer: string;

  private constructor(socket: WebSocket, swarm: Bytes, peerId: Bytes) {
    this.#socket = socket;
    this.#swarm = binary(swarm);
    this.#peer = binary(peerId);
  }

  /** Throws Failure `noChannel` where the tracker does not answer. */
  static async at(url: string, swarm: Bytes, peerId: Bytes, listener: Listener): Promise<TrackerSwarm> {
    const socket = new WebSocket(url);
    await new Promise<void>((done, failed) => {
      socket.onopen = () => done();
      socket.onerror = () => failed(new Failure("noChannel", "tracker"));
    });
    const joined = new TrackerSwarm(socket, swarm, peerId);
    socket.onmessage = ({ data }) => joined.#hear(data, listener);
    socket.onerror = null;
    socket.onclose = () => listener.lost();
    return joined;
  }

  announce(event: "started" | "stopped" | "completed" | undefined, offers: readonly Offer[] = []): void {
    this.#send({
      numwant: offers.length,
      uploaded: 0,
      downloaded: 0,
      left: event === "completed" ? 0 : null,
      ...(event === undefined ? {} : { event }),
      offers: offers.map(({ offerId, description }) => ({ offer: description, offer_id: binary(offerId) })),
    });
  }

  answer(offerId: Bytes, to: Bytes, description: Description): void {
    this.#send({ to_peer_id: binary(to), answer: description, offer_id: binary(offerId) });
  }

  close(): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.announce("stopped");
    }
    this.#socket.onclose = null;
    this.#socket.close();
  }

  #send(more: object): void {
    const frame = { action: "announce", info_hash: this.#swarm, peer_id: this.#peer, ...more };
    this.#socket.send(JSON.stringify(frame));
  }

  #hear(data: unknown, listener: Listener): void {
    const frame = typeof data === "string" && data.length <= LONGEST ? parsed(data) : undefined;
    if (frame?.["action"] !== "announce" || frame["info_hash"] !== this.#swarm) {
      return;
    }
    const [from, offerId] = [id(frame["peer_id"]), id(frame["offer_id"])];
    if (from === undefined || offerId === undefined) {
      return;
    }
    const [offer, answer] = [described(frame["offer"]), described(frame["answer"])];
    if (offer !== undefined) {
      listener.offered({ offerId, description: offer }, from);
    } else if (answer !== undefined) {
      listener.answered(offerId, answer, from);
    }
  }
}

/** Bytes as a tracker has them: a text of one character a byte. */
export function binary(bytes: Bytes): string {
  return String.fromCharCode(...bytes);
}

function id(text: unknown): Bytes | undefined {
  return typeof text === "string" && /^[\0-\xff]{20}$/.test(text)
    ? bytesOf(Array.from(text, (char) => char.charCodeAt(0)))
    : undefined;
}

function described(value: unknown): Description | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { type, sdp } = value as Record<string, unknown>;
  return (type === "offer" || type === "answer") && typeof sdp === "string" ? { type, sdp } : undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
