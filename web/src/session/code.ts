/**
 * Codes that one person tells another: a nameplate and two words, like `4711-apple-violin`.
 *
 * How one is made and read; nothing about the relay or about keys ever lives here.
 */

import { Failure } from "../failure.ts";
import { systemRandom, type Random } from "../crypto/primitives.ts";
import { numberOf } from "../util/bytes.ts";
import { CODE_WORDS } from "./code_words.ts";

export interface Code {
  readonly kind: "code";
  readonly nameplate: number;
  readonly words: readonly string[];
}

const WORD_COUNT = 2;
/** Most characters that are looked at: a person pastes a line or a few. */
const MAX_TYPED = 2000;
const MAX_NAMEPLATE = 99_999_999;
const KNOWN: ReadonlySet<string> = new Set(CODE_WORDS);

// Whatever stands between numbers and words separates: spaces, commas, what a phone "corrected".
const LETTER = String.raw`[\p{L}\p{Nl}\p{No}]`;
const BETWEEN = String.raw`[^\p{L}\p{N}]`;
const TOKEN = new RegExp(`[0-9]+|${LETTER}+`, "gu");
// Within a longer text a code touches no part of a word, a number or a path, so that a mistyped one
// is not read as a shorter one. The last word is looked ahead at as a whole, so that it is not cut.
const IN_TEXT = new RegExp(
  String.raw`(?<![\p{L}\p{N}_./\\~\-])([0-9]{1,9})${BETWEEN}{0,5}(${LETTER}+)${BETWEEN}{1,5}` +
    String.raw`(?=(${LETTER}+))\3(?![\p{Nd}_/\\\-]|[.~][\p{L}\p{N}])`,
  "gu",
);

/** The code as people write it. A secret. */
export function codeText(code: Code): string {
  return [code.nameplate, ...code.words].join("-");
}

/** A code for this nameplate, with random words. */
export function newCode(nameplate: number, random: Random = systemRandom): Code {
  const words = Array.from({ length: WORD_COUNT }, () => randomWord(random));
  return { kind: "code", nameplate, words };
}

/**
 * The code that a person typed or pasted, in any case, with any separators, within any text.
 *
 * Throws Failure `invalidCode` where it is none, or several; the detail is which.
 */
export function parseCode(typed: string): Code {
  if (typed.length > MAX_TYPED) {
    throw new Failure("invalidCode", "tooLong");
  }
  const text = typed.normalize("NFKC").toLowerCase();
  const whole = codeFrom(text.match(TOKEN) ?? []);
  if (whole !== undefined) {
    return whole;
  }
  const found = new Map<string, Code>();
  for (const match of text.matchAll(IN_TEXT)) {
    const code = codeFrom(match.slice(1));
    if (code !== undefined && !goesOn(text.slice(match.index + match[0].length))) {
      found.set(codeText(code), code);
    }
  }
  const [code] = found.values();
  if (code === undefined || found.size > 1) {
    throw new Failure("invalidCode", code === undefined ? "none" : "several");
  }
  return code;
}

function codeFrom(tokens: readonly string[]): Code | undefined {
  const [number = "", ...words] = tokens;
  const nameplate = /^[0-9]+$/.test(number) ? Number(number) : 0;
  const fits = nameplate >= 1 && nameplate <= MAX_NAMEPLATE && words.length === WORD_COUNT;
  return fits && words.every((word) => KNOWN.has(word))
    ? { kind: "code", nameplate, words }
    : undefined;
}

/** Whether another word of codes follows: then it is ambiguous which two are meant. */
function goesOn(rest: string): boolean {
  const following = new RegExp(String.raw`^[ \t\-_,]*([0-9]+|${LETTER}+)`, "u").exec(rest);
  return following !== null && KNOWN.has(following[1] ?? "");
}

function randomWord(random: Random): string {
  // Of 2⁶⁴ numbers the remainders are equally likely, but for one in 10¹⁶.
  const index = Number(numberOf(random(8)) % BigInt(CODE_WORDS.length));
  return CODE_WORDS[index] ?? "";
}
