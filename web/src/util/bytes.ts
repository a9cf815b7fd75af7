/** Bytes: joined, compared, and written as text. Nothing about what they mean ever lives here. */

export type Bytes = Uint8Array<ArrayBuffer>;

const CHUNK = 0x8000; // a call takes so many arguments in every browser
// Nothing that repeats a group: on a long text that takes the stack.
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** The text that these bytes are. Throws TypeError where they are no UTF-8. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** A copy, of a type that WebCrypto takes. */
export function bytesOf(values: Uint8Array | readonly number[]): Bytes {
  return new Uint8Array(values);
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether both are equal, looking at all of them, as one may be a proof. */
export function equal(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) {
    return false;
  }
  let different = 0;
  one.forEach((byte, at) => {
    different |= byte ^ (other[at] ?? 0);
  });
  return different === 0;
}

/** A number of at most 2⁵³ or a bigint, big-endian, in so many bytes. Throws RangeError. */
export function bigEndian(number: number | bigint, length: number): Bytes {
  let rest = BigInt(number);
  const bytes = new Uint8Array(length);
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) {
    throw new RangeError(`it does not fit into ${length} bytes`);
  }
  return bytes;
}

export function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of hex digits. Throws RangeError where it is none. */
export function unhex(text: string): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) {
    throw new RangeError("not hex");
  }
  return bytesOf(Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16)));
}

export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return btoa(binary);
}

/** The bytes of base64 with its padding and nothing else. Throws RangeError where it is none. */
export function unbase64(text: string): Bytes {
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    throw new RangeError("not base64");
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}
