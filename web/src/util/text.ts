/** Text of other people, made fit to be shown. Nothing about what it says ever lives here. */

// Controls, what turns the direction of writing, half characters, private ones.
const INVISIBLE = /[\p{C}]/gu;
const BREAKS = /[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]+/gu;

/** In one line, without what cannot be seen, at most `limit` characters; shortened, with an ellipsis. */
export function clean(text: string, limit = 200): string {
  // The work is bounded before single characters are looked at: the text is a stranger's.
  const head = text.slice(0, limit * 4).replace(BREAKS, " ").replace(INVISIBLE, "");
  const letters = Array.from(head);
  return letters.length > limit || text.length > limit * 4
    ? `${letters.slice(0, limit - 1).join("")}…`
    : head;
}
