import assert from "node:assert/strict";
import { test } from "node:test";
import { homeOf } from "../src/page/home.ts";

const NOTHING = { querySelector: () => null };

for (const [here, relay] of [
  ["https://relay.example/", "https://relay.example"],
  ["https://relay.example/r", "https://relay.example"],
  ["http://10.0.0.7:8421/r#4711-apple-violin", "http://10.0.0.7:8421"],
  ["https://a.example/fs/", "https://a.example/fs"],
  ["https://a.example/tools/fs/r#secret", "https://a.example/tools/fs"],
] as const) {
  test(`the relay of ${here} is ${relay}`, () => {
    assert.deepEqual(homeOf(NOTHING, here), { relay, key: "", isSaved: false });
  });
}

test("a saved page names its relay", () => {
  const said: Record<string, string> = { "filesend-relay": "https://relay.example", "filesend-page-key": "k" };
  const page = {
    querySelector: (selector: string) => ({ content: said[/name="([^"]+)"/.exec(selector)?.[1] ?? ""] ?? "" }),
  } as unknown as Pick<Document, "querySelector">;
  assert.deepEqual(homeOf(page, "file:///home/a/page.html"), { relay: "https://relay.example", key: "k", isSaved: true });
});
