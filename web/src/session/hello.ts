/** How two people introduce themselves to each other, once they are paired. */

import { Failure } from "../failure.ts";
import { clean } from "../util/text.ts";
import type { Word } from "./envelope.ts";

export type Wants = "send" | "receive" | "both";

export interface Hello {
  readonly name: string;
  readonly wants: Wants;
  /** It opened a link, and looks for whoever made that. */
  readonly guest: boolean;
}

/** Most characters of a name. */
const MAX_NAME = 64;
const NO_NAME = "?";

export function helloWord(hello: Hello): Word {
  const name = Array.from(hello.name).slice(0, MAX_NAME).join("");
  return { name, wants: hello.wants, ...(hello.guest ? { guest: true } : {}) };
}

/** What the other side says of itself, its name fit to be shown. Throws Failure `notUnderstood`. */
export function helloOf(word: Word): Hello {
  const { name, wants, guest } = word;
  if (typeof name !== "string" || Array.from(name).length > MAX_NAME) {
    throw new Failure("notUnderstood");
  }
  // Whatever else it is there for, a newer program may do both.
  const known = wants === "send" || wants === "receive" ? wants : "both";
  return { name: clean(name, MAX_NAME).trim() || NO_NAME, wants: known, guest: guest === true };
}
