/**
 * Names and shapes of what a client and a relay say to each other; what a relay says is looked at
 * here before anything else reads it. No I/O ever lives here.
 */

import { Failure } from "../failure.ts";
import { unbase64, type Bytes } from "../util/bytes.ts";

/** Words that two people say to each other, as they are sent; the relay routes them. */
export const ROUTED = [
  "pake",
  "confirm",
  "commit",
  "reveal",
  "hello",
  "fileRequest",
  "fileAnswer",
  "preparing",
  "fileReady",
  "downloadStarted",
  "progressUpdate",
  "downloadComplete",
  "cancel",
  "pause",
  "resume",
  "pauseFiles",
  "queue",
  "sendAgain",
  "message",
  "text",
  "acknowledge",
  "goodbye",
] as const;

export type RoutedEvent = (typeof ROUTED)[number];

/** Those that are delivered under another name than they are sent. */
const DELIVERED_AS: Partial<Record<RoutedEvent, string>> = {
  fileReady: "addTorrent",
  downloadComplete: "torrentDone",
};

/** Each name under which a word is delivered, and that under which it was sent. */
export const SENT_AS: ReadonlyMap<string, RoutedEvent> = new Map(
  ROUTED.map((event) => [DELIVERED_AS[event] ?? event, event]),
);

/** Longest body in bytes, sealed. */
const MAX_SEALED = 4 * 1024 * 1024 + 1024;
const SHORT = /^[^\0]{1,255}$/;
const ROOM = /^[0-9a-f]{32}$/;

export function roomOf(payload: unknown): string {
  return text(field(payload, "room"), ROOM);
}

/** The nameplate that a relay gives. */
export function nameplateOf(payload: unknown): number {
  const value = field(payload, "nameplate");
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > 99_999_999) {
    throw nonsense();
  }
  return value;
}

/** The place that a relay speaks of, as it was sent. */
export function placeTextOf(payload: unknown): string {
  return text(field(payload, "place"), /^[A-Za-z0-9+/]{43}=$/);
}

/** Whether nobody waited at a place, so that this side does now. */
export function waitsNow(payload: unknown): boolean {
  return field(payload, "room") === null;
}

export function bodyOf(payload: unknown): Bytes {
  const value = field(payload, "body");
  if (typeof value !== "string" || value.length > Math.ceil(MAX_SEALED / 3) * 4) {
    throw nonsense();
  }
  try {
    return unbase64(value);
  } catch {
    throw nonsense();
  }
}

/** What a relay has for two people who are to reach each other. */
export interface RelayRoads {
  readonly iceServers: readonly RTCIceServer[];
  /** Admits this person to its transit; undefined where there is none. A secret. */
  readonly pass: Bytes | undefined;
}

/** Bytes of a pass. */
const PASS = 16;

/** What a relay at this host says that it has. */
export function roadsOf(roads: unknown, host: string): RelayRoads {
  const pass = field(roads, "pass");
  return { iceServers: iceServersOf(roads, host), pass: pass === null ? undefined : passOf(pass) };
}

function passOf(said: unknown): Bytes {
  const pass = unbase64(text(said, /^[A-Za-z0-9+/]{22}==$/));
  if (pass.length !== PASS) {
    throw nonsense();
  }
  return pass;
}

/** Most TURN servers. */
const MOST_SERVERS = 8;

/**
 * The STUN and TURN servers that a relay at this host offers; none for people of one machine, who
 * need nobody to find each other.
 */
export function iceServersOf(roads: unknown, host: string): readonly RTCIceServer[] {
  const [port, turn] = [field(roads, "stunPort"), field(roads, "turn")];
  const servers: RTCIceServer[] = [];
  const isHere = /^(localhost|127\.[\d.]+|\[::1\])$/.test(host);
  if (typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536 && !isHere) {
    servers.push({ urls: `stun:${host}:${port}` });
  }
  if (isObject(turn)) {
    const { urls, username, credential } = turn;
    if (!Array.isArray(urls) || urls.length === 0 || urls.length > MOST_SERVERS) {
      throw nonsense();
    }
    servers.push({
      urls: urls.map((url) => text(url, /^turns?:[^\s]{1,250}$/)),
      username: text(username, SHORT),
      credential: text(credential, SHORT),
    });
  }
  return servers;
}

/** The error code of an acknowledgement that refuses a word; undefined where it does not. */
export function refusalOf(reply: unknown): string | undefined {
  const error = isObject(reply) ? reply["error"] : undefined;
  return isObject(error) ? text(error["code"], /^[A-Za-z]{1,40}$/) : undefined;
}

/** What a relay's nonsense is. */
export function nonsense(): Failure {
  return new Failure("relayLost", "nonsense");
}

function field(payload: unknown, name: string): unknown {
  if (!isObject(payload)) {
    throw nonsense();
  }
  return payload[name];
}

function text(value: unknown, shape: RegExp): string {
  if (typeof value !== "string" || !shape.test(value)) {
    throw nonsense();
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
