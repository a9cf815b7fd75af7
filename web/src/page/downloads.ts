/** Where a person wants what arrives: chosen before, or from the browser's own store, once it is there. */

import { newFile } from "../saving/folders.ts";
import type { Root } from "../saving/targets.ts";
import type { Arrived, Transfer } from "../visit/state.ts";

/** Milliseconds after which a browser has surely begun to read what it is to save. */
const READ_BY = 60_000;
/** Milliseconds between two, as browsers drop downloads that come all at once. */
const BETWEEN = 200;

/** Of another type, or none, a browser may give a name an ending. */
const AS_IT_IS = "application/octet-stream";

/** As browsers have them; TypeScript's DOM does not know them. */
interface Picker {
  showDirectoryPicker?: (options: { mode: "readwrite" }) => Promise<FileSystemDirectoryHandle>;
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
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

/** Whether a person can choose, before they say yes, where so many files go. */
export function canChooseTarget(files: number): boolean {
  return files === 1 ? (globalThis as Picker).showSaveFilePicker !== undefined : canChooseFolder();
}

/** Have a person choose the file, or the folder, that these go into; undefined where they chose none. */
export async function chooseTarget(files: Transfer["files"]): Promise<Root | undefined> {
  const { showDirectoryPicker, showSaveFilePicker } = globalThis as Picker;
  const [first] = files;
  const chosen =
    files.length === 1
      ? showSaveFilePicker?.({ suggestedName: first?.path.split("/").at(-1) ?? "file" })
      : showDirectoryPicker?.({ mode: "readwrite" });
  return chosen?.catch(() => undefined);
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
    const handle = await newFile(chosen, path);
    await content.slice(offset, offset + length).stream().pipeTo(await handle.createWritable());
  }
  return true;
}
