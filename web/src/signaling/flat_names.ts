/** The names and texts of a JSON object of texts, in their order, those that stand twice as well. */

const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t\n\r]*/y;

/** Throws SyntaxError where it is anything but an object whose values are all texts. */
export function flatNames(json: string): readonly (readonly [string, string])[] {
  JSON.parse(json); // what is JSON at all is decided there
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(json);
    if (found === null) {
      throw new SyntaxError("not an object of texts");
    }
    at += found[0].length;
    return found[0];
  };
  const mark = (): string => {
    take(SPACE);
    const char = json[at++] ?? "";
    take(SPACE);
    return char;
  };
  const text = (): string => JSON.parse(take(STRING)) as string;
  const entries: (readonly [string, string])[] = [];
  if (mark() !== "{") {
    throw new SyntaxError("not an object");
  }
  if (json[at] === "}") {
    return entries;
  }
  do {
    const name = text();
    if (mark() !== ":") {
      throw new SyntaxError("not a name");
    }
    entries.push([name, text()]);
  } while (mark() === ",");
  return entries;
}
