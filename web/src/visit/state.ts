/** What a visit to the page is like at one moment: frozen, for whatever draws it. No I/O, no clock. */

import type { Failure } from "../failure.ts";
import type { NamedFile } from "../wire/create.ts";
import type { TorrentFile } from "../wire/metainfo.ts";

export type Stage =
  /** The relay is being connected to. */
  | "connecting"
  /** There is a relay; a code is there, or on its way. */
  | "ready"
  /** A link's other holder is waited for. */
  | "meeting"
  | "pairing"
  | "paired"
  | "over";

export type Phase =
  /** The one side waits for the other's yes. */
  | "asked"
  | "hashing"
  | "connecting"
  | "moving"
  | "writing"
  | "done"
  | "declined"
  | "cancelled"
  | "failed";

export interface Transfer {
  readonly id: string;
  readonly outgoing: boolean;
  readonly phase: Phase;
  readonly files: readonly NamedFile[];
  readonly size: number;
  /** Bytes that are here, or there; while hashing, those hashed. */
  readonly moved: number;
  /** Bytes a second. */
  readonly rate: number;
  readonly pausedHere: boolean;
  readonly pausedThere: boolean;
  readonly queued: boolean;
  /** Who ended it, where it was declined or cancelled. */
  readonly byPartner: boolean;
  readonly failure: Failure | undefined;
  /** Seconds that it took, once it is done. */
  readonly took: number;
  /** What arrived, once it is done, and where each file is in it. */
  readonly arrived: Arrived | undefined;
  /** The name of the file or folder that a person chose for it; "" where it is saved later. */
  readonly target: string;
  /** The browser wants the person's yes again before it writes there. */
  readonly barred: boolean;
}

export interface Arrived {
  readonly content: Blob;
  readonly files: readonly TorrentFile[];
  /** Kept in the browser's own store, which this page alone can reach. */
  readonly saved: boolean;
}

export interface Line {
  readonly from: string;
  readonly text: string;
  /** Lines of text to be copied, rather than a remark. */
  readonly whole: boolean;
}

export interface VisitState {
  readonly stage: Stage;
  readonly code: string;
  readonly partner: string;
  /** The partner, or the relay, is away; what is under way goes on by itself. */
  readonly away: boolean;
  readonly verification: string;
  readonly transfers: readonly Transfer[];
  readonly lines: readonly Line[];
  readonly failure: Failure | undefined;
  /** A link was opened that somebody made: no code is needed. */
  readonly byLink: boolean;
}

export const AT_FIRST: VisitState = {
  stage: "connecting",
  code: "",
  partner: "",
  away: false,
  verification: "",
  transfers: [],
  lines: [],
  failure: undefined,
  byLink: false,
};

const UNDER_WAY: ReadonlySet<Phase> = new Set(["hashing", "connecting", "moving", "writing"]);

export function isUnderWay({ phase }: Transfer): boolean {
  return UNDER_WAY.has(phase);
}

export function isOver(transfer: Transfer): boolean {
  return transfer.phase !== "asked" && !isUnderWay(transfer);
}

/** Whether to leave the page would lose something. */
export function wouldLose({ transfers }: VisitState): boolean {
  return transfers.some((each) => isUnderWay(each) || each.arrived?.saved === false);
}

export function newTransfer(id: string, outgoing: boolean, files: readonly NamedFile[]): Transfer {
  return {
    id,
    outgoing,
    phase: "asked",
    files,
    size: files.reduce((sum, { size }) => sum + size, 0),
    moved: 0,
    rate: 0,
    pausedHere: false,
    pausedThere: false,
    queued: false,
    byPartner: false,
    failure: undefined,
    took: 0,
    arrived: undefined,
    target: "",
    barred: false,
  };
}

/** The state with a transfer changed; others and later ones stay as they are. */
export function withTransfer(state: VisitState, id: string, change: Partial<Transfer>): VisitState {
  return {
    ...state,
    transfers: state.transfers.map((each) => (each.id === id ? { ...each, ...change } : each)),
  };
}
