/**
 * What went wrong, as a word: what a face says about it is the face's own.
 *
 * No sentence for people ever lives below the faces, and no secret in a message.
 */

export type FailureCode =
  /** What was typed is no code, or several. */
  | "invalidCode"
  /** The other side does not know the words, or left when it may have tested a guess at them. */
  | "wrongCode"
  /** The other side does not hold the secret. */
  | "wrongSecret"
  /** The other side left, was silent, or said what is no part of a pairing. */
  | "pairingFailed"
  /** The other side did not keep to what it had committed to. */
  | "somebodyBetween"
  /** What came is not what the other person said. */
  | "tampered"
  /** It is, and cannot be understood: another version, or malice. */
  | "notUnderstood"
  /** The other side is gone from the room. */
  | "partnerGone"
  /** The connection to the relay could not be made, or is lost. */
  | "relayLost"
  /** The relay refused a word; `detail` is its error code. */
  | "relayRefused"
  /** A nameplate or a place has expired. */
  | "expired"
  /** A description that no member of the swarm made, or not for this use. */
  | "badSignal"
  /** It is too long to be sealed. */
  | "tooLong"
  /** A peer of a swarm spoke another protocol, or sent what is wrong; `detail` is why. */
  | "badPeer"
  /** No channel to a peer came about, or it broke. */
  | "noChannel"
  /** The browser has no room for what arrives. */
  | "noRoom"
  /** What a person chose for it cannot be written to any more; `detail` is the browser's word. */
  | "targetGone"
  /** What arrived went with the page that had it. */
  | "lost"
  /** A file that is sent cannot be read any more; `detail` is its path. */
  | "unreadable";

export class Failure extends Error {
  readonly code: FailureCode;
  /** A further word of the protocol's, such as a relay's error code; "" where there is none. */
  readonly detail: string;

  constructor(code: FailureCode, detail = "") {
    super(detail === "" ? code : `${code}: ${detail}`);
    this.name = "Failure";
    this.code = code;
    this.detail = detail;
  }
}

/** An error as one that is told. Throws what is none of ours: it is a fault. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error;
  }
  throw error;
}
