/** Which primitives this page uses. */

import { InScript } from "./in_script.ts";
import type { Primitives } from "./primitives.ts";
import { OfTheBrowser } from "./web_crypto.ts";

/** The browser's own where it has them; a page that came by http from another machine has none. */
export function primitives(): Primitives {
  // The type says that it is always there.
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined;
  return subtle === undefined ? new InScript() : new OfTheBrowser(subtle);
}
