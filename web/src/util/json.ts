/** Bytes within JSON, for JSON.stringify and JSON.parse: `{"hex": "…"}`. */

import { hex, unhex } from "./bytes.ts";

export function hexed(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { hex: hex(value) } : value;
}

export function unhexed(_key: string, value: unknown): unknown {
  const { hex: text } = (typeof value === "object" && value !== null ? value : {}) as { hex?: unknown };
  return typeof text === "string" ? unhex(text) : value;
}
