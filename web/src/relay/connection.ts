/**
 * A connection to a relay: nameplates, places, rooms. Which words are said in a room, and coming
 * back after a loss, never live here.
 */

import { io, type Socket } from "socket.io-client";
import { Failure } from "../failure.ts";
import { base64, type Bytes } from "../util/bytes.ts";
import { Room } from "./room.ts";
import {
  bodyOf,
  nameplateOf,
  nonsense,
  placeTextOf,
  roadsOf,
  refusalOf,
  roomOf,
  SENT_AS,
  waitsNow,
  type RelayRoads,
  type RoutedEvent,
} from "./words.ts";

/** Milliseconds for a connection, and for an acknowledgement. */
const TIMEOUT = 20_000;
/** Rooms that one connection may be in at once. */
const MOST_ROOMS = 64;

/** Somebody is waited for, under a nameplate or at a place. */
export interface Waiting {
  /** Throws Failure: `expired`, or `relayLost`. */
  readonly room: Promise<Room>;
}

export class RelayConnection {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #rooms = new Map<string, Room>();
  /** Who is waited for: by the nameplate, or the place as it is sent. */
  readonly #waiting = new Map<string, Opening>();
  /** Calls under way whose answer is a room. */
  #openings = 0;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.onAny((event: string, payload: unknown) => {
      try {
        this.#hear(event, payload);
      } catch {
        this.close(); // a relay that makes no sense is none
      }
    });
    socket.on("disconnect", () => this.#lost());
  }

  /** Connect to the relay at this URL; a page from disk has a key. Throws Failure `relayLost`. */
  static async to(url: string, pageKey = ""): Promise<RelayConnection> {
    const { origin, pathname, hostname } = new URL(url);
    const socket = io(origin, {
      path: `${pathname.replace(/\/$/, "")}/socket.io/`,
      query: pageKey === "" ? {} : { pageKey },
      transports: ["websocket"],
      reconnection: false, // who comes back decides how, and pairs anew
      forceNew: true,
      timeout: TIMEOUT,
      autoConnect: false,
    });
    const connection = new RelayConnection(socket, hostname);
    await new Promise<void>((done, failed) => {
      socket.once("connect", () => done());
      socket.once("connect_error", () => failed(new Failure("relayLost")));
      socket.connect();
    });
    return connection;
  }

  /** Whether it is there still. */
  get isOpen(): boolean {
    return this.#socket.connected;
  }

  /** A number under which somebody can join. Throws Failure. */
  async allocate(): Promise<Waiting & { readonly nameplate: number }> {
    return this.#call("allocate", {}, (reply) => {
      const nameplate = nameplateOf(reply);
      return { nameplate, room: this.#await(String(nameplate)).room };
    });
  }

  /** The room of whoever waits under this number. Throws Failure. */
  async claim(nameplate: number): Promise<Room> {
    return this.#opening(() =>
      this.#call("claim", { nameplate }, (reply) => this.#enter(roomOf(reply))),
    );
  }

  /** What it has for two people who are to reach each other. Throws Failure. */
  async roads(): Promise<RelayRoads> {
    return this.#call("askRoads", {}, (reply) => roadsOf(reply, this.#host));
  }

  /** No more joiner is waited for. Throws Failure. */
  async release(): Promise<void> {
    await this.#call("release", {}, () => undefined);
  }

  /**
   * Meet whoever waits at a place, or wait there: `joined` is whether somebody did.
   *
   * Throws Failure.
   */
  async meet(place: Bytes): Promise<Waiting & { readonly joined: boolean }> {
    const name = base64(place);
    const waiting = this.#await(name); // who comes may be told of before this side's answer
    try {
      return await this.#opening(() =>
        this.#call("meet", { place: name }, (reply) => {
          if (waitsNow(reply)) {
            return { joined: false, room: waiting.room };
          }
          this.#waiting.delete(name);
          return { joined: true, room: Promise.resolve(this.#enter(roomOf(reply))) };
        }),
      );
    } catch (error) {
      this.#waiting.delete(name);
      throw error;
    }
  }

  /** Nobody is waited for at this place any more. Throws Failure. */
  async leavePlace(place: Bytes): Promise<void> {
    const name = base64(place);
    await this.#call("leavePlace", { place: name }, () => this.#waiting.delete(name));
  }

  /** End it, and with it all rooms. */
  close(): void {
    this.#socket.disconnect();
    this.#lost();
  }

  #hear(event: string, payload: unknown): void {
    const sent = SENT_AS.get(event);
    if (sent !== undefined) {
      const heard = { event: sent, body: bodyOf(payload) };
      const id = roomOf(payload);
      // Who waited in the room may speak before this side's call is answered.
      (this.#openings > 0 ? this.#enter(id) : this.#rooms.get(id))?.take(heard);
      return;
    }
    switch (event) {
      case "claimed":
        this.#met(String(nameplateOf(payload)), roomOf(payload));
        break;
      case "met":
        this.#met(placeTextOf(payload), roomOf(payload));
        break;
      case "nameplateExpired":
        this.#expired(String(nameplateOf(payload)));
        break;
      case "placeExpired":
        this.#expired(placeTextOf(payload));
        break;
      case "partnerGone":
        this.#gone(roomOf(payload));
        break;
      case "relayMoving":
        this.close(); // its address leads to another process: whoever comes back is there at once
        break;
      default: // of a newer relay
    }
  }

  #await(name: string): Opening {
    const waiting = new Opening();
    this.#waiting.set(name, waiting);
    return waiting;
  }

  #met(name: string, id: string): void {
    this.#waiting.get(name)?.open(this.#enter(id));
    this.#waiting.delete(name);
  }

  #expired(name: string): void {
    this.#waiting.get(name)?.fail(new Failure("expired"));
    this.#waiting.delete(name);
  }

  #gone(id: string): void {
    this.#rooms.get(id)?.end(new Failure("partnerGone"));
    this.#rooms.delete(id);
  }

  #lost(): void {
    for (const room of this.#rooms.values()) {
      room.end(new Failure("relayLost"));
    }
    for (const waiting of this.#waiting.values()) {
      waiting.fail(new Failure("relayLost"));
    }
    this.#rooms.clear();
    this.#waiting.clear();
  }

  #enter(id: string): Room {
    const known = this.#rooms.get(id);
    if (known !== undefined) {
      return known;
    }
    if (this.#rooms.size >= MOST_ROOMS) {
      throw nonsense();
    }
    const room = new Room(
      id,
      (event, body) => this.#route(event, id, body),
      () => this.#leave(id),
    );
    this.#rooms.set(id, room);
    return room;
  }

  async #leave(id: string): Promise<void> {
    this.#rooms.delete(id);
    await this.#call("leave", { room: id }, () => undefined);
  }

  async #route(event: RoutedEvent, room: string, body: Bytes): Promise<void> {
    await this.#call(event, { room, body: base64(body) }, () => undefined);
  }

  async #opening<T>(call: () => Promise<T>): Promise<T> {
    this.#openings += 1;
    try {
      return await call();
    } finally {
      this.#openings -= 1;
    }
  }

  /** Say a word; `take` reads its acknowledgement before anything that comes after it is heard. */
  #call<T>(event: string, payload: object, take: (reply: unknown) => T): Promise<T> {
    return new Promise((done, failed) => {
      if (!this.#socket.connected) {
        failed(new Failure("relayLost")); // the library would keep it for another connection
        return;
      }
      const answered = (error: Error | null, reply: unknown): void => {
        try {
          const refusal = error === null ? refusalOf(reply) : undefined;
          if (error !== null || refusal !== undefined) {
            throw error === null ? new Failure("relayRefused", refusal) : new Failure("relayLost");
          }
          done(take(reply));
        } catch (failure) {
          failed(failure instanceof Failure ? failure : nonsense());
        }
      };
      this.#socket.timeout(TIMEOUT).emit(event, payload, answered);
    });
  }
}

/** A room that there will be once somebody comes. */
class Opening implements Waiting {
  readonly room: Promise<Room>;
  #done: (room: Room) => void = () => undefined;
  #failed: (failure: Failure) => void = () => undefined;

  constructor() {
    this.room = new Promise((done, failed) => {
      this.#done = done;
      this.#failed = failed;
    });
    this.room.catch(() => undefined); // whoever waits hears of it; nobody may
  }

  open(room: Room): void {
    this.#done(room);
  }

  fail(failure: Failure): void {
    this.#failed(failure);
  }
}
