/**
 * A visit to the page: one relay, one other person at a time, and what goes between the two.
 *
 * What it looks like is state.ts's and the page's; each method is something that a person does.
 */

import { primitives } from "../crypto/choice.ts";
import { Pace } from "../exchange/pace.ts";
import { offeredOf, type OfferedFile } from "../exchange/offer.ts";
import { receive, type Surroundings, type Watch } from "../exchange/receiving.ts";
import { Sending, type SourceFile } from "../exchange/sending.ts";
import { Failure } from "../failure.ts";
import { RelayConnection } from "../relay/connection.ts";
import type { Room } from "../relay/room.ts";
import { Saving } from "../saving/saving.ts";
import type { Word } from "../session/envelope.ts";
import { codeText, newCode, parseCode, type Code } from "../session/code.ts";
import { rootOf } from "../session/epochs.ts";
import type { Introduction } from "../session/key_agreement.ts";
import { pair } from "../session/pairing_handshake.ts";
import { Session, type Said } from "../session/session.ts";
import { placeOf } from "../session/shared_secret.ts";
import type { Side } from "../session/side.ts";
import { comeBack } from "./coming_back.ts";
import { introductionIn } from "./link.ts";
import { forget, recall, remember, type KeptTransfer, type Memory } from "./memory.ts";
import { AT_FIRST, isOver, newTransfer, withTransfer, type Transfer, type VisitState } from "./state.ts";
import { idOf, linesOf, shareOf } from "./words.ts";

/** Lines of talk that are kept. */
const MOST_LINES = 500;

/** What a transfer is, beside how it looks. */
interface Doing {
  readonly offered: readonly OfferedFile[];
  readonly sending: Sending | undefined;
  readonly saving: Saving | undefined;
  readonly abort: AbortController;
  readonly pace: Pace;
  began: number;
  /** The partner's `fileReady`, once it came. */
  ready: Word | undefined;
}

export class Visit {
  readonly #origin: string;
  readonly #name: string;
  readonly #changed: (state: VisitState) => void;
  readonly #doing = new Map<string, Doing>();
  #state: VisitState = AT_FIRST;
  #relay: RelayConnection | undefined;
  #room: Room | undefined;
  #session: Session | undefined;
  /** Which code or room is the current one: what comes of an earlier one is left. */
  #attempt = 0;
  #hash = "";

  /** `changed` is called with each new state; `name` is what the partner is told. */
  constructor(origin: string, name: string, changed: (state: VisitState) => void) {
    this.#origin = origin;
    this.#name = name;
    this.#changed = changed;
  }

  get state(): VisitState {
    return this.#state;
  }

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
      this.#set({ ...AT_FIRST, byLink: by !== undefined });
      this.#relay = await RelayConnection.to(this.#origin);
      if (by === undefined) {
        await this.#offer(this.#relay);
      } else if (by.kind === "code") {
        await this.#join(this.#relay, by);
      } else {
        this.#set({ stage: "meeting" });
        const waiting = await this.#relay.meet(await placeOf(by, primitives()));
        await this.#pair(by, waiting.joined ? "joiner" : "maker", await waiting.room);
      }
    });
  }

  /** Pair by a code that somebody typed. */
  async join(typed: string): Promise<void> {
    await this.#guarded(async () => {
      const code = parseCode(typed);
      this.#relay ??= await RelayConnection.to(this.#origin);
      await this.#join(this.#relay, code);
    });
  }

  /** Ask the partner to take these. */
  async send(files: readonly SourceFile[]): Promise<void> {
    const session = this.#session;
    if (session === undefined || files.length === 0) {
      return;
    }
    const given = { abort: new AbortController(), pace: new Pace() };
    const sending: Sending = new Sending(files, session, this.#surroundings, {
      ...this.#watch(() => sending.id, given),
      hashed: (moved) => this.#change(sending.id, { phase: "hashing", moved }),
      accepted: (wanted) =>
        this.#change(sending.id, {
          phase: "hashing",
          files: wanted,
          size: wanted.reduce((sum, { size }) => sum + size, 0),
        }),
    });
    const { id } = sending;
    const doing = { ...given, offered: [], saving: undefined, began: Date.now(), ready: undefined };
    this.#doing.set(id, { ...doing, sending });
    this.#set({ transfers: [...this.#state.transfers, newTransfer(id, true, files)] });
    sending.failure.catch((error: unknown) => this.#failed(id, error, true));
    await this.#guarded(() => sending.ask());
  }

  /** Take what the partner offers, or decline it. */
  async answer(id: string, yes: boolean): Promise<void> {
    const doing = this.#doing.get(id);
    if (doing === undefined || this.#transfer(id)?.phase !== "asked") {
      return;
    }
    await this.#guarded(async () => {
      const room = yes ? await Saving.room() : Infinity;
      if (room < (this.#transfer(id)?.size ?? 0)) {
        this.#change(id, { failure: new Failure("noRoom") });
        return;
      }
      this.#change(id, yes ? { phase: "connecting", failure: undefined } : { phase: "declined" });
      const accepted = doing.offered.map(() => yes);
      await this.#session?.say("fileAnswer", { id, accepted });
    });
  }

  /** Pause a transfer, or go on with it. */
  async pause(id: string, paused: boolean): Promise<void> {
    this.#change(id, { pausedHere: paused });
    await this.#guarded(async () => this.#session?.say(paused ? "pause" : "resume", { id }));
  }

  /** Give a transfer up. */
  async cancel(id: string): Promise<void> {
    this.#end(id, { phase: "cancelled" });
    await this.#guarded(async () => this.#session?.say("cancel", { id }));
  }

  /** Say a line to the partner. */
  async say(text: string): Promise<void> {
    if (this.#session !== undefined && text !== "") {
      const session = this.#session;
      this.#line("", text, false);
      await this.#guarded(() => session.say("message", { text }));
    }
  }

  /** Show what went wrong beside a visit's own doing. Throws what is no Failure. */
  tell(error: unknown): void {
    this.#set({ failure: asFailure(error) });
  }

  /** What arrived was saved. */
  saved(id: string): void {
    const { arrived } = this.#transfer(id) ?? {};
    if (arrived !== undefined) {
      this.#change(id, { arrived: { ...arrived, saved: true } });
      this.#remember();
    }
  }

  /** End the session, and wait with a new code. */
  async leave(): Promise<void> {
    const [session, room] = [this.#session, this.#room];
    await session?.end().catch(() => undefined);
    this.#over(undefined);
    await room?.leave().catch(() => undefined);
  }

  // -- pairing

  async #offer(relay: RelayConnection): Promise<void> {
    const attempt = ++this.#attempt;
    for (;;) {
      const waiting = await relay.allocate();
      const code = newCode(waiting.nameplate);
      this.#set({ stage: "ready", code: codeText(code) });
      try {
        const room = await waiting.room;
        if (attempt === this.#attempt) {
          await this.#pair(code, "maker", room);
        }
        return;
      } catch (error) {
        if (attempt !== this.#attempt) {
          return;
        }
        if (!(error instanceof Failure) || error.code !== "expired") {
          throw error;
        }
      }
    }
  }

  async #join(relay: RelayConnection, code: Code): Promise<void> {
    const attempt = ++this.#attempt;
    const own = this.#state.code;
    this.#set({ stage: "pairing", failure: undefined });
    try {
      const room = await relay.claim(code.nameplate);
      await this.#pair(code, "joiner", room);
    } catch (error) {
      if (attempt === this.#attempt) {
        this.#set({ stage: "ready", code: own });
        throw error;
      }
    }
  }

  async #pair(by: Introduction, side: Side, room: Room): Promise<void> {
    this.#set({ stage: "pairing", failure: undefined });
    const agreed = await pair(by, side, { name: this.#name, wants: "both" }, room);
    this.#room = room;
    this.#go(Session.begun(agreed, room), false);
  }

  /** Hear what the partner says, and come back to them where the room is lost. */
  #go(session: Session, away: boolean): void {
    this.#session = session;
    const { verification, partner } = session;
    this.#set({ stage: "paired", code: "", partner: partner.name, verification, away });
    session.onSaid = () => this.#remember();
    session.onAway = () => void this.#comeBack(session).catch((error: unknown) => this.#broken(session, error));
    this.#listen(session).catch((error: unknown) => this.#broken(session, error));
    if (away) {
      session.onAway();
    }
    this.#remember();
  }

  /** Meet the partner again, as the room is lost. */
  async #comeBack(session: Session): Promise<void> {
    this.#set({ away: true });
    const crypto = primitives();
    const relay = async (): Promise<RelayConnection> => {
      if (this.#relay?.isOpen !== true) {
        this.#relay = await RelayConnection.to(this.#origin);
      }
      return this.#relay;
    };
    const root = await rootOf(session.shared, crypto);
    const hello = { name: this.#name, wants: "both" } as const;
    const room = await comeBack(session, root, hello, relay, crypto, () => this.#session === session);
    if (room !== undefined) {
      this.#room = room;
      this.#set({ away: false });
    }
  }

  #broken(session: Session, error: unknown): void {
    if (this.#session === session) {
      this.#over(asFailure(error));
    }
  }

  async #listen(session: Session): Promise<void> {
    while (this.#session === session) {
      await this.#hear(await session.next(), session);
      this.#remember();
    }
  }

  // -- the partner's words

  async #hear(said: Said, session: Session): Promise<void> {
    const { event, word } = said;
    const id = idOf(word);
    switch (event) {
      case "fileRequest":
        await this.#asked(id, said, session);
        return;
      case "message":
        this.#line(this.#state.partner, linesOf(word, false), false);
        return;
      case "text":
        this.#line(this.#state.partner, linesOf(word, true), true);
        return;
      case "goodbye":
        throw new Failure("partnerGone");
    }
    const doing = this.#doing.get(id);
    if (doing === undefined) {
      return;
    }
    switch (event) {
      case "preparing":
        this.#change(id, { phase: "hashing", moved: shareOf(word) * (this.#transfer(id)?.size ?? 0) });
        break;
      case "pause":
      case "resume":
        this.#change(id, { pausedThere: event === "pause" });
        break;
      case "queue":
        this.#change(id, { queued: word["waits"] === true });
        break;
      case "fileReady":
        if (doing.saving !== undefined && doing.ready === undefined) {
          doing.ready = word;
          this.#take(id, doing, doing.saving, word, session);
        }
        break;
      case "cancel":
        this.#end(id, { phase: "cancelled", byPartner: true });
        break;
      default:
        this.#aboutSending(id, doing, said);
    }
  }

  #aboutSending(id: string, { sending, began }: Doing, said: Said): void {
    try {
      if (sending?.take(said) === true) {
        const size = this.#transfer(id)?.size ?? 0;
        this.#end(id, { phase: "done", moved: size, took: (Date.now() - began) / 1000 });
      }
    } catch (error) {
      const failure = asFailure(error);
      const declined = failure.detail === "declined";
      this.#end(id, declined ? { phase: "declined", byPartner: true } : { phase: "failed", failure });
    }
  }

  async #asked(id: string, { word }: Said, session: Session): Promise<void> {
    if (id === "" || this.#doing.has(id)) {
      return;
    }
    try {
      const offered = offeredOf(word);
      this.#incoming(id, offered);
      this.#set({ transfers: [...this.#state.transfers, newTransfer(id, false, offered)] });
    } catch (error) {
      const failure = asFailure(error);
      this.#set({ transfers: [...this.#state.transfers, { ...newTransfer(id, false, []), phase: "failed", failure }] });
      const reason = "A page in a browser takes at most 10,000 files, and no streams or links.";
      await session.say("cancel", { id, reason, failed: true });
    }
  }

  #take(id: string, doing: Doing, saving: Saving, word: Word, session: Session): void {
    doing.began = Date.now();
    this.#change(id, { phase: "connecting", moved: 0, queued: false });
    receive(doing.offered, word, session, saving, this.#surroundings, this.#watch(() => id, doing)).then(
      () => {
        const arrived = { ...saving.kept, saved: false };
        const took = (Date.now() - doing.began) / 1000;
        this.#end(id, { phase: "done", took, arrived }, true);
      },
      (error: unknown) => this.#failed(id, error, false),
    );
  }

  // -- a page that is loaded anew

  #remember(): void {
    const transfers = this.#state.transfers.flatMap((each): readonly KeptTransfer[] => {
      const doing = this.#doing.get(each.id);
      const { id, outgoing, phase, files, arrived } = each;
      const store = doing?.saving?.name ?? "";
      const isLeft = !isOver(each) || arrived?.saved === false;
      return isLeft ? [{ id, outgoing, phase, files, ready: doing?.ready, store, arrived: arrived?.files }] : [];
    });
    const session = this.#session?.state;
    if (session === undefined && transfers.length === 0) {
      forget();
      return;
    }
    const { partner, lines } = this.#state;
    remember({ hash: this.#hash, session, partner, transfers, lines });
  }

  #restore({ session, partner, transfers, lines }: Memory): void {
    this.#set({ ...AT_FIRST, stage: "over", partner, lines });
    const restored = session === undefined ? undefined : Session.restored(session);
    if (restored !== undefined) {
      this.#go(restored, true);
    }
    for (const kept of transfers) {
      const { id, outgoing, files, phase, ready, store, arrived } = kept;
      this.#set({ transfers: [...this.#state.transfers, { ...newTransfer(id, outgoing, files), phase }] });
      if (outgoing) {
        // What was chosen is not kept by browsers.
        this.#failed(id, new Failure("unreadable", files[0]?.path ?? ""), true);
        continue;
      }
      const doing: Doing & { readonly saving: Saving } = this.#incoming(id, files, store);
      doing.ready = ready;
      if (arrived !== undefined) {
        doing.saving.again(arrived).then(
          (found) => this.#change(id, { arrived: { ...found, saved: false } }),
          (error: unknown) => this.#failed(id, error, false),
        );
      } else if (ready !== undefined && restored !== undefined) {
        this.#take(id, doing, doing.saving, ready, restored);
      }
    }
    this.#remember();
  }

  // -- transfers

  /** A transfer of the partner's. `store`: under what a page that was here before has of it. */
  #incoming(id: string, offered: readonly OfferedFile[], store = ""): Doing & { readonly saving: Saving } {
    const doing = {
      offered,
      sending: undefined,
      saving: new Saving(store),
      abort: new AbortController(),
      pace: new Pace(),
      began: Date.now(),
      ready: undefined,
    };
    this.#doing.set(id, doing);
    return doing;
  }

  #watch(id: () => string, { abort, pace }: Pick<Doing, "abort" | "pace">): Watch {
    return {
      signal: abort.signal,
      moved: (bytes, all) => {
        pace.note(bytes, Date.now());
        const phase = bytes >= all && !this.#transfer(id())?.outgoing ? "writing" : "moving";
        this.#change(id(), { phase, moved: bytes, rate: pace.rate });
      },
      connected: (isOpen) => this.#change(id(), { phase: isOpen ? "moving" : "connecting" }),
    };
  }

  #failed(id: string, error: unknown, tell: boolean): void {
    const phase = this.#transfer(id)?.phase;
    if (phase === "cancelled" || phase === "done" || phase === "failed") {
      return;
    }
    this.#end(id, { phase: "failed", failure: asFailure(error) });
    // A partner who caused it has given up too, or hears of it.
    const reason = tell ? "It cannot be read any more." : "The browser could not take it.";
    this.#session?.say("cancel", { id, reason, failed: true }).catch(() => undefined);
  }

  /** A transfer is over; what is not kept is given back. */
  #end(id: string, change: Partial<Transfer>, keep = false): void {
    const doing = this.#doing.get(id);
    doing?.abort.abort(new Failure("partnerGone", "cancelled"));
    doing?.sending?.close();
    if (!keep) {
      doing?.saving?.forget().catch(() => undefined);
    }
    this.#change(id, { ...change, rate: 0, queued: false });
    this.#remember();
  }

  #over(failure: Failure | undefined): void {
    this.#attempt += 1;
    this.#session?.fail(failure ?? new Failure("partnerGone", "leftHere"));
    [this.#session, this.#room] = [undefined, undefined];
    const open = this.#state.transfers.filter((each) => !isOver(each));
    for (const { id } of open) {
      this.#end(id, { phase: "failed", failure: failure ?? new Failure("partnerGone") });
    }
    this.#remember();
    // Who leaves when all is done leaves nothing to be said.
    const isTrouble = open.length > 0 || failure?.code !== "partnerGone";
    this.#set({ stage: "over", away: false, failure: isTrouble ? failure : undefined });
  }

  get #surroundings(): Surroundings {
    const tracker = new URL("/announce", this.#origin.replace(/^http/, "ws")).href;
    const webrtc = async (): Promise<RTCConfiguration> => {
      // Without the relay the two may reach each other all the same.
      const servers = await this.#relay?.iceServers().catch(() => []);
      return { iceServers: [...(servers ?? [])] };
    };
    return { crypto: primitives(), tracker, webrtc };
  }

  #transfer(id: string): Transfer | undefined {
    return this.#state.transfers.find((each) => each.id === id);
  }

  #change(id: string, change: Partial<Transfer>): void {
    this.#set(withTransfer(this.#state, id, change));
  }

  #line(from: string, text: string, whole: boolean): void {
    if (text !== "") {
      this.#set({ lines: [...this.#state.lines, { from, text, whole }].slice(-MOST_LINES) });
    }
  }

  async #guarded(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const failure = asFailure(error);
      const lost = failure.code === "relayLost" && this.#session === undefined;
      this.#set(lost ? { stage: "over", failure } : { failure });
    }
  }

  #set(change: Partial<VisitState>): void {
    this.#state = { ...this.#state, ...change };
    this.#changed(this.#state);
  }
}

/** An error as one that is told; what is none of ours is a fault, and thrown on. */
function asFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error;
  }
  throw error;
}
