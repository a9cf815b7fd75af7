/** What a partner's words say, looked at before anything else reads it. No I/O ever lives here. */

import type { Word } from "../session/envelope.ts";

const LONGEST_LINE = 2_000;
const LONGEST_TEXT = 64 * 1024;

/** The id of a transfer; "" where it is none. */
export function idOf(word: Word): string {
  const { id } = word;
  return typeof id === "string" && /^[0-9a-f]{1,64}$/.test(id) ? id : "";
}

/** A remark, or lines of text, without what cannot be seen; "" where there are none. */
export function linesOf(word: Word, whole: boolean): string {
  const { text } = word;
  if (typeof text !== "string") {
    return "";
  }
  // Line ends and tabs stay; controls and what turns the direction of writing go.
  const shown = text.slice(0, whole ? LONGEST_TEXT : LONGEST_LINE);
  return shown.replaceAll("\r\n", "\n").replace(/[^\P{C}\n\t]/gu, "");
}

/** A share between 0 and 1; 0 where it is none. */
export function shareOf(word: Word): number {
  const { progress } = word;
  return typeof progress === "number" && progress >= 0 && progress <= 1 ? progress : 0;
}
