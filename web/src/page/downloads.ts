/** From the browser's own store to where a person wants it: their downloads, or a folder of theirs. */

import type { Arrived } from "../visit/state.ts";

/** Milliseconds after which a browser has surely begun to read what it is to save. */
const READ_BY = 60_000;
/** Milliseconds between two, as browsers drop downloads that come all at once. */
const BETWEEN = 200;

/** Of another type, or none, a browser may give a name an ending. */
const AS_IT_IS = "application/octet-stream";

interface Picker {
  showDirectoryPicker?: (options: { mode: "readwrite" }) => Promise<FileSystemDirectoryHandle>;
}

/** Put all files among the person's downloads. Folders' names are left out: browsers know none there. */
export async function download({ content, files }: Arrived): Promise<void> {
  for (const [at, { path, offset, length }] of files.entries()) {
    if (at > 0) {
      await new Promise((done) => setTimeout(done, BETWEEN));
    }
    const url = URL.createObjectURL(content.slice(offset, offset + length, AS_IT_IS));
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = path.at(-1) ?? "file";
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), READ_BY);
  }
}

/** Whether a folder can be chosen, into which folders go as they are. */
export function canChooseFolder(): boolean {
  return (globalThis as Picker).showDirectoryPicker !== undefined;
}

/**
 * Have a person choose a folder, and put all files in it; nothing there is overwritten. Returns
 * whether it was done: they may have chosen none.
 */
export async function intoFolder({ content, files }: Arrived): Promise<boolean> {
  const chosen = await (globalThis as Picker).showDirectoryPicker?.({ mode: "readwrite" }).catch(() => undefined);
  if (chosen === undefined) {
    return false;
  }
  for (const { path, offset, length } of files) {
    let folder = chosen;
    for (const part of path.slice(0, -1)) {
      folder = await folder.getDirectoryHandle(part, { create: true });
    }
    const name = await freeName(folder, path.at(-1) ?? "file");
    const handle = await folder.getFileHandle(name, { create: true });
    await content.slice(offset, offset + length).stream().pipeTo(await handle.createWritable());
  }
  return true;
}

/** A name that nothing in a folder has. */
async function freeName(folder: FileSystemDirectoryHandle, wanted: string): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : wanted.replace(/(\.[^.]*)?$/, ` (${number})$1`);
    const isTaken = await folder.getFileHandle(name).then(
      () => true,
      (error: unknown) => !(error instanceof DOMException && error.name === "NotFoundError"),
    );
    if (!isTaken) {
      return name;
    }
  }
}
