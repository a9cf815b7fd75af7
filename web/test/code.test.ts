/** Codes are read as the Python side reads them. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Failure } from "../src/failure.ts";
import { codeText, newCode, parseCode } from "../src/session/code.ts";
import { CODE_WORDS } from "../src/session/code_words.ts";
import { protocolFile } from "./vectors.ts";

interface Codes {
  readonly words: { readonly count: number; readonly sha256: string };
  readonly vectors: readonly {
    readonly typed: string;
    readonly nameplate: number;
    readonly words: readonly string[];
    readonly text: string;
  }[];
  readonly refused: readonly string[];
}

const codes = protocolFile<Codes>("vectors/codes.json");

test("the words are those of the Python side", () => {
  assert.equal(CODE_WORDS.length, codes.words.count);
  const hash = createHash("sha256").update(CODE_WORDS.join("\n")).digest("hex");
  assert.equal(hash, codes.words.sha256);
});

for (const { typed, nameplate, words, text } of codes.vectors) {
  test(`typed: ${typed}`, () => {
    const code = parseCode(typed);
    assert.equal(code.nameplate, nameplate);
    assert.deepEqual(code.words, words);
    assert.equal(codeText(code), text);
  });
}

for (const typed of [...codes.refused, "4711-apple-violin".padEnd(3000), "é".repeat(1999)]) {
  test(`refused: ${typed.slice(0, 60)}`, () => {
    assert.throws(() => parseCode(typed), (error) => error instanceof Failure && error.code === "invalidCode");
  });
}

test("a new code is one", () => {
  const code = newCode(4711);
  assert.deepEqual(parseCode(codeText(code)), code);
  assert.notDeepEqual(newCode(4711).words, code.words);
});
