/** Links to the page: the part behind the `#`, which no server sees, holds a secret or a code. No I/O. */

import { Failure } from "../failure.ts";
import { parseCode, type Code } from "../session/code.ts";
import { secretOf, type Secret } from "../session/shared_secret.ts";
import { unbase64 } from "../util/bytes.ts";

/** 32 bytes as base64url without padding (RFC 4648, section 5). */
const SECRET = /^[A-Za-z0-9_-]{43}$/;
/** A link alone: where it leads, and what stands behind the `#`. */
const LINK = /^(https?:\/\/[^\s#]+)#(\S+)$/i;

/** What a link introduces by; undefined where there is nothing. Throws Failure `invalidCode`. */
export function introductionIn(hash: string): Code | Secret | undefined {
  const text = hash.replace(/^#/, "");
  if (text === "") {
    return undefined;
  }
  if (SECRET.test(text)) {
    const base64 = `${text.replaceAll("-", "+").replaceAll("_", "/")}=`;
    return secretOf(unbase64(base64));
  }
  try {
    return parseCode(decodeURIComponent(text));
  } catch (error) {
    throw error instanceof Failure ? error : new Failure("invalidCode", "none");
  }
}

/**
 * What somebody typed or pasted introduces by: a code, or a whole link to a page of this relay.
 * Throws Failure `invalidCode`; `elsewhere` where a link leads to another relay.
 */
export function introductionTyped(typed: string, relay: string): Code | Secret {
  const [, leads, hash] = LINK.exec(typed.trim()) ?? [];
  if (leads === undefined || hash === undefined) {
    return parseCode(typed);
  }
  if (!URL.canParse(leads) || new URL(leads).origin !== new URL(relay).origin) {
    throw new Failure("invalidCode", "elsewhere");
  }
  return introductionIn(hash) ?? parseCode(typed);
}
