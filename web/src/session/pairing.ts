/**
 * Pairing: two people who know the same code, or hold the same secret, get one strong key or none.
 *
 * A key agreement (key_agreement.ts), key confirmation both ways, then random nonces that each side
 * commits to before it sees the other's, and words to compare that are made of all of it. Sans-IO:
 * words in, words out, one at a time. No relay and no clock ever lives here.
 */

import { primitives } from "../crypto/choice.ts";
import { systemRandom, type Primitives, type Random } from "../crypto/primitives.ts";
import { Failure, type FailureCode } from "../failure.ts";
import { concat, equal, numberOf, utf8, type Bytes } from "../util/bytes.ts";
import { CODE_WORDS } from "./code_words.ts";
import { agreement, APP_ID, type Introduction, type KeyAgreement } from "./key_agreement.ts";
import { otherSide, type Side } from "./side.ts";

export type PairingState =
  | "unstarted"
  | "waitingPake"
  | "waitingConfirm"
  | "waitingCommit"
  | "waitingReveal"
  | "paired"
  | "failed";

export interface PairingWord {
  readonly event: "pake" | "confirm" | "commit" | "reveal";
  readonly body: Bytes;
}

/** What both sides hold after pairing; every part is a secret but the transcript. */
export interface SharedKey {
  readonly key: Bytes;
  /** What is public about this pairing, hashed: it identifies the session's epoch. */
  readonly transcript: Bytes;
  /** Words to compare aloud. */
  readonly verification: string;
}

const VERIFICATION_WORDS = 3;
const NONCE_LENGTH = 32;

/** One side of one attempt. A failed one is final, and burns a code. */
export class Pairing {
  readonly #side: Side;
  readonly #crypto: Primitives;
  readonly #agreement: KeyAgreement;
  readonly #nonces: Record<Side, Bytes>;
  readonly #said: Record<Side, Bytes> = { maker: new Uint8Array(), joiner: new Uint8Array() };
  #state: PairingState = "unstarted";
  #secret: Bytes = new Uint8Array();
  #commitment: Bytes = new Uint8Array();
  #testable = false;

  constructor(
    introduction: Introduction,
    side: Side,
    random: Random = systemRandom,
    crypto: Primitives = primitives(),
  ) {
    this.#side = side;
    this.#crypto = crypto;
    const own = random(NONCE_LENGTH);
    this.#nonces = { maker: own, joiner: own };
    this.#agreement = agreement(introduction, side, random, crypto);
  }

  get state(): PairingState {
    return this.#state;
  }

  /** Whether the other side may have tested a guess without proving its own key. */
  get isExposed(): boolean {
    return this.#agreement.guessable && this.#testable;
  }

  /** Whether this side says nothing before the other has: the maker of a code. */
  get listensFirst(): boolean {
    return this.#agreement.guessable && this.#side === "maker";
  }

  /** What it is where the other side does not prove its key. */
  get unproven(): FailureCode {
    return this.#agreement.unproven;
  }

  /** The word that opens the pairing. */
  async start(): Promise<PairingWord> {
    const body = await this.#agreement.start();
    this.#said[this.#side] = body;
    this.#state = "waitingPake";
    return { event: "pake", body };
  }

  /** Take the other side's word; return what to say to it. Throws Failure, and then it has failed. */
  async receive(event: string, body: Bytes): Promise<readonly PairingWord[]> {
    const step = TABLE.find((each) => each.state === this.#state && each.event === event);
    this.#state = "failed"; // until the step is done; meanwhile no other word is taken
    if (step === undefined) {
      throw new Failure("pairingFailed");
    }
    const said = await step.take(this, body);
    this.#state = step.next;
    return said;
  }

  /** The result. Throws where it is not paired. */
  async sharedKey(): Promise<SharedKey> {
    if (this.#state !== "paired") {
      throw new Error("not paired");
    }
    const label = concat(utf8("verification/"), this.#nonces.maker, this.#nonces.joiner);
    let number = numberOf(await this.#derive(label, 16));
    const words = [];
    for (let count = 0; count < VERIFICATION_WORDS; count++) {
      words.push(CODE_WORDS[Number(number % BigInt(CODE_WORDS.length))] ?? "");
      number /= BigInt(CODE_WORDS.length);
    }
    return {
      key: await this.#derive(utf8("session"), 32),
      transcript: await this.#transcript(),
      verification: words.join(" "),
    };
  }

  async takePake(body: Bytes): Promise<readonly PairingWord[]> {
    try {
      this.#secret = await this.#agreement.finish(body);
    } catch {
      throw new Failure("pairingFailed"); // what a curve says of a bad point is nobody's business
    }
    this.#said[otherSide(this.#side)] = body;
    this.#testable = true;
    return [
      { event: "confirm", body: await this.#proof(this.#side) },
      { event: "commit", body: await this.#commit(this.#side, this.#nonces[this.#side]) },
    ];
  }

  async takeConfirm(body: Bytes): Promise<readonly PairingWord[]> {
    if (!equal(await this.#proof(otherSide(this.#side)), body)) {
      throw new Failure(this.#agreement.unproven);
    }
    this.#testable = false;
    return [];
  }

  async takeCommit(body: Bytes): Promise<readonly PairingWord[]> {
    this.#commitment = body;
    // Not sooner: a side that has not committed could still choose its nonce.
    return [{ event: "reveal", body: this.#nonces[this.#side] }];
  }

  async takeReveal(body: Bytes): Promise<readonly PairingWord[]> {
    const theirs = otherSide(this.#side);
    const kept = body.length === NONCE_LENGTH && equal(await this.#commit(theirs, body), this.#commitment);
    if (!kept) {
      throw new Failure("somebodyBetween");
    }
    this.#nonces[theirs] = body;
    return [];
  }

  /** By which `side` proves its key: over the transcript, under its own key. */
  async #proof(side: Side): Promise<Bytes> {
    return this.#mac(`confirm/${side}`, new Uint8Array());
  }

  async #commit(side: Side, nonce: Bytes): Promise<Bytes> {
    return this.#mac(`commit/${side}`, nonce);
  }

  async #mac(label: string, content: Bytes): Promise<Bytes> {
    const key = await this.#derive(utf8(label), 32);
    return this.#crypto.hmacSha256(key, concat(await this.#transcript(), content));
  }

  async #transcript(): Promise<Bytes> {
    const context = await this.#agreement.context();
    return this.#crypto.sha256(concat(context, this.#said.maker, this.#said.joiner));
  }

  async #derive(label: Bytes, length: number): Promise<Bytes> {
    const info = concat(APP_ID, utf8("/"), label);
    return this.#crypto.hkdf(this.#secret, await this.#transcript(), info, length);
  }
}

interface Step {
  readonly state: PairingState;
  readonly event: PairingWord["event"];
  readonly next: PairingState;
  readonly take: (pairing: Pairing, body: Bytes) => Promise<readonly PairingWord[]>;
}

/** The words that are taken in each state; any other fails the pairing. */
const TABLE: readonly Step[] = [
  { state: "waitingPake", event: "pake", next: "waitingConfirm", take: (p, body) => p.takePake(body) },
  { state: "waitingConfirm", event: "confirm", next: "waitingCommit", take: (p, body) => p.takeConfirm(body) },
  { state: "waitingCommit", event: "commit", next: "waitingReveal", take: (p, body) => p.takeCommit(body) },
  { state: "waitingReveal", event: "reveal", next: "paired", take: (p, body) => p.takeReveal(body) },
];
