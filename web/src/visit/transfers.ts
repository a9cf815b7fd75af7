/**
 * What goes between the two people of a visit: each transfer from its request to its end. How it
 * looks meanwhile is in the visit's state; who the two are, and their session, never lives here.
 */

import { offeredOf, type OfferedFile } from "../exchange/offer.ts";
import { Pace } from "../exchange/pace.ts";
import type { Surroundings, Watch } from "../exchange/channels.ts";
import { receive } from "../exchange/receiving.ts";
import { Sending, type SourceFile } from "../exchange/sending.ts";
import { asFailure, Failure } from "../failure.ts";
import type { Root } from "../saving/targets.ts";
import { Saving } from "../saving/saving.ts";
import type { Word } from "../session/envelope.ts";
import type { Said, Session } from "../session/session.ts";
import type { KeptTransfer } from "./memory.ts";
import { isOver, newTransfer, withTransfer, type Transfer, type VisitState } from "./state.ts";
import { idOf, shareOf } from "./words.ts";

const TOO_MUCH = "A page in a browser takes at most 10,000 files, and no streams or links.";
const UNREADABLE = "It cannot be read any more.";
const NOT_TAKEN = "The browser could not take it.";

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

type Incoming = Doing & { readonly saving: Saving };

/** The visit that transfers are of. */
export interface Visited {
  readonly surroundings: Surroundings;
  /** The session with the partner; undefined where it is over. */
  readonly session: Session | undefined;
  readonly state: VisitState;
  set(change: Partial<VisitState>): void;
  /** What would be lost with the page has changed. */
  remember(): void;
}

export class Transfers {
  readonly #visit: Visited;
  readonly #doing = new Map<string, Doing>();

  constructor(visit: Visited) {
    this.#visit = visit;
  }

  /** Ask the partner to take these. Throws Failure. */
  async send(files: readonly SourceFile[], session: Session): Promise<void> {
    const given = { abort: new AbortController(), pace: new Pace() };
    const sending: Sending = new Sending(files, session, this.#visit.surroundings, {
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
    this.#add(newTransfer(id, true, files));
    sending.failure.catch((error: unknown) => this.#failed(id, error, UNREADABLE));
    await sending.ask();
  }

  /** Take what the partner offers, into a file or folder if one was chosen, or decline it. Throws Failure. */
  async answer(id: string, yes: boolean, chosen?: Root): Promise<void> {
    const [doing, transfer] = [this.#doing.get(id), this.#transfer(id)];
    if (doing === undefined || transfer?.phase !== "asked") {
      return;
    }
    const room = yes && chosen === undefined ? await Saving.room() : Infinity;
    if (room < transfer.size) {
      this.#change(id, { failure: new Failure("noRoom") });
      return;
    }
    const target = chosen?.name ?? "";
    this.#change(id, yes ? { phase: "connecting", failure: undefined, target } : { phase: "declined" });
    if (chosen !== undefined) {
      await doing.saving?.choose(chosen);
      if (doing.abort.signal.aborted) {
        return; // it was given up meanwhile
      }
      this.#visit.remember();
    }
    await this.#visit.session?.say("fileAnswer", { id, accepted: doing.offered.map(() => yes) });
  }

  /** Pause one, or go on with it. Throws Failure. */
  async pause(id: string, paused: boolean): Promise<void> {
    this.#change(id, { pausedHere: paused });
    await this.#visit.session?.say(paused ? "pause" : "resume", { id });
  }

  /** Give one up. Throws Failure. */
  async cancel(id: string): Promise<void> {
    this.#end(id, { phase: "cancelled" });
    await this.#visit.session?.say("cancel", { id });
  }

  /** Go on with one whose target the browser asks the person about again; they have just said so. */
  async allow(id: string): Promise<void> {
    const [doing, session] = [this.#doing.get(id), this.#visit.session];
    if (doing === undefined || !isIncoming(doing) || this.#transfer(id)?.barred !== true) {
      return;
    }
    const isAllowed = await doing.saving.askToWrite();
    if (doing.abort.signal.aborted) {
      return;
    }
    this.#change(id, { barred: false });
    if (!isAllowed) {
      this.#failed(id, new Failure("targetGone", "NotAllowedError"), NOT_TAKEN);
    } else if (doing.ready !== undefined && session !== undefined) {
      this.#take(id, doing, doing.ready, session);
    }
  }

  /** What arrived was saved. */
  saved(id: string): void {
    const { arrived } = this.#transfer(id) ?? {};
    if (arrived !== undefined) {
      this.#change(id, { arrived: { ...arrived, saved: true } });
      this.#visit.remember();
    }
  }

  /** Take a word of the partner's about a transfer. Throws Failure. */
  async hear(said: Said, session: Session): Promise<void> {
    const { event, word } = said;
    const id = idOf(word);
    if (event === "fileRequest") {
      await this.#asked(id, word, session);
      return;
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
        if (isIncoming(doing) && doing.ready === undefined) {
          doing.ready = word;
          await this.#begin(id, doing, word, session);
        }
        break;
      case "cancel":
        this.#end(id, { phase: "cancelled", byPartner: true });
        break;
      default:
        this.#aboutSending(id, doing, said);
    }
  }

  /** End all that is not over; return whether there was any. */
  endAll(failure: Failure): boolean {
    const open = this.#visit.state.transfers.filter((each) => !isOver(each));
    for (const { id } of open) {
      this.#end(id, { phase: "failed", failure });
    }
    return open.length > 0;
  }

  /** What a page that is loaded anew is to know of them. */
  get kept(): readonly KeptTransfer[] {
    return this.#visit.state.transfers.flatMap((each): readonly KeptTransfer[] => {
      const doing = this.#doing.get(each.id);
      const { id, outgoing, phase, files, arrived, target } = each;
      const store = doing?.saving?.name ?? "";
      const isLeft = !isOver(each) || arrived?.saved === false;
      const { ready } = doing ?? { ready: undefined };
      return isLeft ? [{ id, outgoing, phase, files, ready, store, target, arrived: arrived?.files }] : [];
    });
  }

  /** Go on with one of a page that was here before. session: undefined where that is over. */
  restore(kept: KeptTransfer, session: Session | undefined): void {
    // A page of an earlier version kept no target.
    const { id, outgoing, files, phase, ready, store, target = "", arrived } = kept;
    this.#add({ ...newTransfer(id, outgoing, files), phase, target });
    if (outgoing) {
      // What was chosen is not kept by browsers.
      this.#failed(id, new Failure("unreadable", files[0]?.path ?? ""), UNREADABLE);
      return;
    }
    const doing = this.#incoming(id, files, store);
    doing.ready = ready;
    if (arrived !== undefined) {
      doing.saving.again(arrived).then(
        (found) => this.#change(id, { arrived: { ...found, saved: false } }),
        // The partner was told long ago that it is here.
        (error: unknown) => this.#end(id, { phase: "failed", failure: asFailure(error) }),
      );
    } else if (ready !== undefined && session !== undefined) {
      void this.#begin(id, doing, ready, session);
    }
  }

  async #asked(id: string, word: Word, session: Session): Promise<void> {
    if (id === "" || this.#doing.has(id)) {
      return;
    }
    try {
      const offered = offeredOf(word);
      this.#incoming(id, offered);
      this.#add(newTransfer(id, false, offered));
    } catch (error) {
      this.#add({ ...newTransfer(id, false, []), phase: "failed", failure: asFailure(error) });
      await session.say("cancel", { id, reason: TOO_MUCH, failed: true });
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

  /** Take one, once what was chosen for it may be written to. */
  async #begin(id: string, doing: Incoming, ready: Word, session: Session): Promise<void> {
    const may = doing.saving.isChosen ? await doing.saving.mayWrite() : "granted";
    if (doing.abort.signal.aborted) {
      return; // it was given up meanwhile
    }
    if (may === "granted") {
      this.#take(id, doing, ready, session);
    } else if (may === "prompt") {
      this.#change(id, { phase: "connecting", moved: 0, queued: false, barred: true });
    } else {
      this.#failed(id, new Failure("targetGone", "NotAllowedError"), NOT_TAKEN);
    }
  }

  #take(id: string, doing: Incoming, ready: Word, session: Session): void {
    doing.began = Date.now();
    this.#change(id, { phase: "connecting", moved: 0, queued: false });
    const { saving, offered } = doing;
    const watch = this.#watch(() => id, doing);
    receive(offered, ready, session, saving, this.#visit.surroundings, watch).then(
      () => {
        const took = (Date.now() - doing.began) / 1000;
        const arrived = saving.kept && { ...saving.kept, saved: false };
        this.#end(id, { phase: "done", took, arrived }, true);
      },
      (error: unknown) => this.#failed(id, error, NOT_TAKEN),
    );
  }

  /** A transfer of the partner's. `store`: under what a page that was here before has of it. */
  #incoming(id: string, offered: readonly OfferedFile[], store = ""): Incoming {
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
        const phase = bytes >= all && this.#transfer(id())?.outgoing === false ? "writing" : "moving";
        this.#change(id(), { phase, moved: bytes, rate: pace.rate });
      },
      connected: (isOpen) => this.#change(id(), { phase: isOpen ? "moving" : "connecting" }),
    };
  }

  /** A transfer cannot go on, which the partner is told with this reason. */
  #failed(id: string, error: unknown, reason: string): void {
    const phase = this.#transfer(id)?.phase;
    if (phase === "cancelled" || phase === "done" || phase === "failed") {
      return;
    }
    this.#end(id, { phase: "failed", failure: asFailure(error) });
    // A partner who caused it has given up too, or hears of it.
    this.#visit.session?.say("cancel", { id, reason, failed: true }).catch(() => undefined);
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
    this.#visit.remember();
  }

  #transfer(id: string): Transfer | undefined {
    return this.#visit.state.transfers.find((each) => each.id === id);
  }

  #add(transfer: Transfer): void {
    this.#visit.set({ transfers: [...this.#visit.state.transfers, transfer] });
  }

  #change(id: string, change: Partial<Transfer>): void {
    this.#visit.set(withTransfer(this.#visit.state, id, change));
  }
}

function isIncoming(doing: Doing): doing is Incoming {
  return doing.saving !== undefined;
}
