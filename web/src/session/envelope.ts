/**
 * A word with its numbers, and the bytes of both: what ciphers seal and lines carry.
 *
 *     0        8        16
 *     | number | taken  | the word as JSON, padded with spaces |
 *
 * Both numbers are unsigned, big-endian.
 */

import { Failure } from "../failure.ts";
import { bigEndian, concat, numberOf, textOf, utf8, type Bytes } from "../util/bytes.ts";

/** Padding hides the length of a name or a text, and makes words of a few figures look alike. */
const BUCKET = 512;
/** Largest word in bytes; a request of as many files as there may be fits. */
const MAX_CONTENT = 4 * 1024 * 1024;
const NUMBERS = 16;

export type Word = Readonly<Record<string, unknown>>;

export interface Envelope {
  /** The event's name as it is sent, which stands beside the envelope. */
  readonly event: string;
  readonly word: Word;
  /** Its place among the words of its speaker, from 1; 0 for one that is never repeated. */
  readonly number: number;
  /** The number of the other side's last word that its speaker has taken. */
  readonly taken: number;
}

/** Throws Failure `tooLong`. */
export function encode(envelope: Envelope): Bytes {
  const content = utf8(JSON.stringify(envelope.word));
  if (content.length > MAX_CONTENT) {
    throw new Failure("tooLong");
  }
  const plain = concat(bigEndian(envelope.number, 8), bigEndian(envelope.taken, 8), content);
  const padded = new Uint8Array(Math.ceil(plain.length / BUCKET) * BUCKET).fill(0x20);
  padded.set(plain);
  return padded;
}

/** Throws Failure `notUnderstood`: another version, or malice. */
export function decode(event: string, plain: Bytes): Envelope {
  const [number, taken] = [numberOf(plain.subarray(0, 8)), numberOf(plain.subarray(8, NUMBERS))];
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  const word = plain.length < NUMBERS ? undefined : parsed(plain.subarray(NUMBERS));
  if (word === undefined || number > most || taken > most) {
    throw new Failure("notUnderstood");
  }
  return { event, word, number: Number(number), taken: Number(taken) };
}

/** The object that these bytes are as JSON. */
function parsed(content: Uint8Array): Word | undefined {
  try {
    const value: unknown = JSON.parse(textOf(content));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Word)
      : undefined;
  } catch {
    return undefined;
  }
}
