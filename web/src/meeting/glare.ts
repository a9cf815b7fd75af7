/**
 * Glare: two peers offer to each other at once; one connection stays, the same on both sides.
 *
 * Each answers at most one offer of the other, and only while it knows of no connection between
 * them. So when both find a second one in the answer to their own offer, both know of both, and the
 * offer of the lower peer id wins.
 */

export type Contact =
  | "none"
  /** This side answered its offer; the channel is not open yet. */
  | "answering"
  /** It answered this side's offer; the channel is not open yet. */
  | "offered"
  | "open";

export type Verdict = "take" | "leave" | "replace";

export function onOffer(contact: Contact): Verdict {
  return contact === "none" ? "take" : "leave";
}

/** Judge a peer's answer to this side's offer, by both peer ids as text of one character a byte. */
export function onAnswer(contact: Contact, ours: string, theirs: string): Verdict {
  if (contact === "none") {
    return "take";
  }
  return contact === "answering" && ours < theirs ? "replace" : "leave";
}
