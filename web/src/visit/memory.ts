/**
 * What a page that is loaded anew in the same tab has of the visit before: its session, and what was
 * under way. It is gone with the tab.
 */

import type { OfferedFile } from "../exchange/offer.ts";
import type { Word } from "../session/envelope.ts";
import type { SessionState } from "../session/session.ts";
import { hexed, unhexed } from "../util/json.ts";
import type { TorrentFile } from "../wire/metainfo.ts";
import type { Line, Phase } from "./state.ts";

export interface KeptTransfer {
  readonly id: string;
  readonly outgoing: boolean;
  readonly phase: Phase;
  readonly files: readonly OfferedFile[];
  /** The partner's `fileReady`, once it came. */
  readonly ready: Word | undefined;
  /** Under what the browser's store has what arrived so far, or where it goes; "" for nothing. */
  readonly store: string;
  readonly target: string;
  /** Where each file is in it, once all is there. */
  readonly arrived: readonly TorrentFile[] | undefined;
}

export interface Memory {
  /** What stood behind the `#`: another link is another visit. */
  readonly hash: string;
  /** Undefined once it is over, and something is still to be saved. */
  readonly session: SessionState | undefined;
  readonly partner: string;
  readonly transfers: readonly KeptTransfer[];
  readonly lines: readonly Line[];
}

const KEY = "visit/1";

/** Keep this until the tab is closed; a browser without room for it keeps nothing. */
export function remember(memory: Memory): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(memory, hexed));
  } catch {
    sessionStorage.removeItem(KEY);
  }
}

/** What was kept of a visit with this behind the `#`; undefined where there is none. */
export function recall(hash: string): Memory | undefined {
  const text = sessionStorage.getItem(KEY);
  const memory = text === null ? undefined : (JSON.parse(text, unhexed) as Memory);
  return memory?.hash === hash ? memory : undefined;
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}
