/**
 * A visit to the page: one relay, one other person at a time, and what goes between the two.
 *
 * What it looks like is state.ts's and the page's; each method is something that a person does.
 */

import { primitives } from "../crypto/choice.ts";
import type { Surroundings } from "../exchange/channels.ts";
import type { SourceFile } from "../exchange/sending.ts";
import { asFailure, Failure } from "../failure.ts";
import type { Roads } from "../meeting/channel.ts";
import { RelayConnection } from "../relay/connection.ts";
import type { Room } from "../relay/room.ts";
import type { Root } from "../saving/targets.ts";
import { codeText, newCode, type Code } from "../session/code.ts";
import { rootOf } from "../session/epochs.ts";
import type { Hello } from "../session/hello.ts";
import type { Introduction } from "../session/key_agreement.ts";
import { pair, type Agreed } from "../session/pairing_handshake.ts";
import { Session, type Said } from "../session/session.ts";
import { placeOf, type Secret as SharedSecret } from "../session/shared_secret.ts";
import type { Side } from "../session/side.ts";
import { comeBack } from "./coming_back.ts";
import { introductionIn, introductionTyped } from "./link.ts";
import { forget, recall, remember, type Memory } from "./memory.ts";
import { AT_FIRST, type VisitState } from "./state.ts";
import { Transfers } from "./transfers.ts";
import { linesOf } from "./words.ts";

/** Milliseconds, about, until two who opened the same link look for its maker again. */
const PARTED = 1_000;
/** Lines of talk that are kept. */
const MOST_LINES = 500;

export class Visit {
  readonly #relayUrl: string;
  readonly #pageKey: string;
  readonly #hello: Hello;
  readonly #changed: (state: VisitState) => void;
  readonly #transfers: Transfers;
  #state: VisitState = AT_FIRST;
  #relay: RelayConnection | undefined;
  #room: Room | undefined;
  #session: Session | undefined;
  /** Which code is the current one: what comes of an earlier one is left. */
  #attempt = 0;
  #hash = "";

  /**
   * `changed` is called with each new state; `name` is what the partner is told; `relay` is
   * its URL without a slash at the end, and `pageKey` by what it lets a page from disk in.
   */
  constructor(relay: string, pageKey: string, name: string, changed: (state: VisitState) => void) {
    [this.#relayUrl, this.#pageKey] = [relay, pageKey];
    this.#hello = { name, wants: "both", guest: false };
    this.#changed = changed;
    this.#transfers = new Transfers(this);
  }

  get state(): VisitState {
    return this.#state;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  // -- what a person does

  /** Connect, and meet whom a link leads to; without one, wait with a code. */
  async open(hash: string): Promise<void> {
    this.#hash = hash;
    await this.#guarded(async () => {
      const memory = recall(hash);
      if (memory !== undefined) {
        this.#restore(memory);
        return;
      }
      const by = introductionIn(hash);
      this.set({ ...AT_FIRST, byLink: by !== undefined });
      const relay = await this.#connected();
      if (by === undefined) {
        await this.#offer(relay);
      } else if (by.kind === "code") {
        await this.#join(relay, by);
      } else {
        await this.#meetHost(relay, by);
      }
    }, "over");
  }

  /** Pair by a code, or a link, that somebody typed. */
  async join(typed: string): Promise<void> {
    await this.#guarded(async () => {
      const by = introductionTyped(typed, this.#relayUrl);
      await this.#join(await this.#connected(), by);
    });
  }

  /** Ask the partner to take these. */
  async send(files: readonly SourceFile[]): Promise<void> {
    const session = this.#session;
    if (session !== undefined && files.length > 0) {
      await this.#guarded(() => this.#transfers.send(files, session));
    }
  }

  /** Take what the partner offers, into a file or folder if one was chosen, or decline it. */
  async answer(id: string, yes: boolean, chosen?: Root): Promise<void> {
    await this.#guarded(() => this.#transfers.answer(id, yes, chosen));
  }

  /** Go on with what the browser asks the person about again, who has just pressed for it. */
  async allow(id: string): Promise<void> {
    await this.#guarded(() => this.#transfers.allow(id));
  }

  /** Pause a transfer, or go on with it. */
  async pause(id: string, paused: boolean): Promise<void> {
    await this.#guarded(() => this.#transfers.pause(id, paused));
  }

  /** Give a transfer up. */
  async cancel(id: string): Promise<void> {
    await this.#guarded(() => this.#transfers.cancel(id));
  }

  /** Note that what arrived was saved. */
  saved(id: string): void {
    this.#transfers.saved(id);
  }

  /** Say a line to the partner. */
  async say(text: string): Promise<void> {
    const session = this.#session;
    if (session !== undefined && text !== "") {
      this.#line("", text, false);
      await this.#guarded(() => session.say("message", { text }));
    }
  }

  /** Show what went wrong beside a visit's own doing. Throws what is no Failure. */
  tell(error: unknown): void {
    this.set({ failure: asFailure(error) });
  }

  /** End the session. */
  async leave(): Promise<void> {
    const [session, room] = [this.#session, this.#room];
    await session?.end().catch(() => undefined);
    this.#over(undefined);
    await room?.leave().catch(() => undefined);
  }

  // -- pairing

  /** The relay, connected to anew where it was lost. Throws Failure `relayLost`. */
  async #connected(): Promise<RelayConnection> {
    if (this.#relay?.isOpen !== true) {
      this.#relay = await RelayConnection.to(this.#relayUrl, this.#pageKey);
    }
    return this.#relay;
  }

  /** Wait with a code, and with another one where that expires or is burned. */
  async #offer(relay: RelayConnection): Promise<void> {
    const attempt = ++this.#attempt;
    for (;;) {
      const waiting = await relay.allocate();
      const code = newCode(waiting.nameplate);
      this.set({ stage: "ready", code: codeText(code) });
      try {
        const room = await waiting.room;
        if (attempt === this.#attempt) {
          await this.#pair(code, "maker", room);
        }
        return;
      } catch (error) {
        const failure = asFailure(error);
        if (attempt !== this.#attempt) {
          return;
        }
        if (failure.code === "relayLost") {
          throw failure;
        }
        if (failure.code !== "expired") {
          this.set({ failure });
        }
      }
    }
  }

  /** Pair by somebody's code or link; where that fails there is another one of one's own. */
  async #join(relay: RelayConnection, by: Code | SharedSecret): Promise<void> {
    const attempt = ++this.#attempt;
    this.set({ stage: "pairing", failure: undefined });
    try {
      await relay.release();
      if (by.kind === "code") {
        await this.#pair(by, "joiner", await relay.claim(by.nameplate));
      } else {
        await this.#meetHost(relay, by);
      }
    } catch (error) {
      const failure = asFailure(error);
      if (attempt !== this.#attempt) {
        return;
      }
      if (failure.code === "relayLost") {
        throw failure;
      }
      this.set({ failure });
      await this.#offer(relay);
    }
  }

  /** Meet whoever made a link, and not another who has opened it, as several may. */
  async #meetHost(relay: RelayConnection, by: SharedSecret): Promise<void> {
    const place = await placeOf(by, primitives());
    for (;;) {
      this.set({ stage: "meeting" });
      const waiting = await relay.meet(place);
      const room = await waiting.room;
      const side = waiting.joined ? "joiner" : "maker";
      const agreed = await pair(by, side, { ...this.#hello, guest: true }, room);
      if (!agreed.hello.guest) {
        this.#begin(agreed, room);
        return;
      }
      await room.leave();
      // So that not the same two meet for ever.
      await new Promise((done) => setTimeout(done, PARTED * (0.5 + Math.random())));
    }
  }

  async #pair(by: Introduction, side: Side, room: Room): Promise<void> {
    this.set({ stage: "pairing", failure: undefined });
    this.#begin(await pair(by, side, this.#hello, room), room);
  }

  #begin(agreed: Agreed, room: Room): void {
    this.#room = room;
    this.#go(Session.begun(agreed, room), false);
  }

  // -- a session

  /** Hear what the partner says, and come back to them where the room is lost. */
  #go(session: Session, away: boolean): void {
    this.#session = session;
    const { verification, partner } = session;
    this.set({ stage: "paired", code: "", partner: partner.name, verification, away });
    const broken = (error: unknown): void => {
      if (this.#session === session) {
        this.#over(asFailure(error));
      }
    };
    session.onSaid = () => this.remember();
    session.onAway = () => void this.#comeBack(session).catch(broken);
    this.#listen(session).catch(broken);
    if (away) {
      session.onAway();
    }
    this.remember();
  }

  /** Meet the partner again, as the room is lost. */
  async #comeBack(session: Session): Promise<void> {
    this.set({ away: true });
    const crypto = primitives();
    const root = await rootOf(session.shared, crypto);
    const wanted = (): boolean => this.#session === session;
    const room = await comeBack(session, root, this.#hello, () => this.#connected(), crypto, wanted);
    if (room !== undefined) {
      this.#room = room;
      this.set({ away: false });
    }
  }

  async #listen(session: Session): Promise<void> {
    while (this.#session === session) {
      await this.#hear(await session.next(), session);
      this.remember();
    }
  }

  async #hear(said: Said, session: Session): Promise<void> {
    const { event, word } = said;
    switch (event) {
      case "message":
        this.#line(this.#state.partner, linesOf(word, false), false);
        break;
      case "text":
        this.#line(this.#state.partner, linesOf(word, true), true);
        break;
      case "goodbye":
        throw new Failure("partnerGone");
      default:
        await this.#transfers.hear(said, session);
    }
  }

  #over(failure: Failure | undefined): void {
    this.#attempt += 1;
    const gone = failure ?? new Failure("partnerGone", "leftHere");
    this.#session?.fail(gone);
    [this.#session, this.#room] = [undefined, undefined];
    const wasOpen = this.#transfers.endAll(gone);
    this.remember();
    // Who leaves when all is done leaves nothing to be said.
    const isTrouble = wasOpen || failure?.code !== "partnerGone";
    this.set({ stage: "over", away: false, failure: isTrouble ? failure : undefined });
  }

  // -- a page that is loaded anew

  /** Keep what would be lost with the page. */
  remember(): void {
    const [session, transfers] = [this.#session?.state, this.#transfers.kept];
    if (session === undefined && transfers.length === 0) {
      forget();
      return;
    }
    const { partner, lines } = this.#state;
    remember({ hash: this.#hash, session, partner, transfers, lines });
  }

  #restore({ session, partner, transfers, lines }: Memory): void {
    this.set({ ...AT_FIRST, stage: "over", partner, lines });
    const restored = session === undefined ? undefined : Session.restored(session);
    if (restored !== undefined) {
      this.#go(restored, true);
    }
    for (const each of transfers) {
      this.#transfers.restore(each, restored);
    }
    this.remember();
  }

  // -- what transfers need

  get surroundings(): Surroundings {
    const at = (path: string): string => `${this.#relayUrl.replace(/^http/, "ws")}${path}`;
    const crypto = primitives();
    const roads = async (): Promise<Roads> => {
      // Without the relay the two may reach each other all the same.
      const there = await this.#relay?.roads().catch(() => undefined);
      const transit = there?.pass && { url: at("/transit"), pass: there.pass };
      return { crypto, webrtc: { iceServers: [...(there?.iceServers ?? [])] }, transit };
    };
    return { crypto, tracker: at("/announce"), roads };
  }

  set(change: Partial<VisitState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changed(this.#state);
  }

  #line(from: string, text: string, whole: boolean): void {
    if (text !== "") {
      this.set({ lines: [...this.#state.lines, { from, text, whole }].slice(-MOST_LINES) });
    }
  }

  /** Do this; a failure is shown, and ends a visit that has not begun or whose relay is lost. */
  async #guarded(work: () => Promise<unknown>, stage?: "over"): Promise<void> {
    try {
      await work();
    } catch (error) {
      const failure = asFailure(error);
      const isOver = this.#session === undefined && (stage !== undefined || failure.code === "relayLost");
      this.set(isOver ? { stage: "over", failure } : { failure });
    }
  }
}
