/** Files and folders that a person chose or dropped, as what is sent. */

import type { SourceFile } from "../exchange/sending.ts";
import { Failure } from "../failure.ts";
import { bytesOf } from "../util/bytes.ts";

/** Most files of one request, as the protocol has it without parts. */
export const MOST_PICKED = 10_000;

/** What an `<input type=file>` holds; of a folder each with its path. */
export function pickedOf(files: FileList | null): readonly SourceFile[] {
  return named(Array.from(files ?? [], (file) => [file.webkitRelativePath || file.name, file] as const));
}

/** What was dropped, with the folders looked through. Throws Failure `tooLong`. */
export async function droppedOf(data: DataTransfer): Promise<readonly SourceFile[]> {
  // Asked for before anything is awaited: afterwards they are gone.
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry());
  const found: (readonly [string, File])[] = [];
  for (const entry of entries) {
    if (entry !== null) {
      await look(entry, found);
    }
  }
  return named(found);
}

async function look(entry: FileSystemEntry, found: (readonly [string, File])[]): Promise<void> {
  if (found.length >= MOST_PICKED) {
    throw new Failure("tooLong");
  }
  const path = entry.fullPath.replace(/^\/+/, "");
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => {
      (entry as FileSystemFileEntry).file(done, failed);
    }).catch(() => {
      throw new Failure("unreadable", path);
    });
    found.push([path, file]);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // Some at a time, until there are none.
    const some = await new Promise<FileSystemEntry[]>((done, failed) => {
      reader.readEntries(done, failed);
    }).catch(() => {
      throw new Failure("unreadable", path);
    });
    if (some.length === 0) {
      return;
    }
    for (const each of some) {
      await look(each, found);
    }
  }
}

/** Each under a path of its own: of two of the same, the second gets a number. */
function named(files: readonly (readonly [string, File])[]): readonly SourceFile[] {
  if (files.length > MOST_PICKED) {
    throw new Failure("tooLong");
  }
  const taken = new Set<string>();
  return files.map(([wanted, file]) => {
    let path = wanted;
    for (let number = 2; taken.has(path); number++) {
      path = wanted.replace(/(\.[^./]*)?$/, ` (${number})$1`);
    }
    taken.add(path);
    return sourceOf(path, file);
  });
}

function sourceOf(path: string, file: File): SourceFile {
  return {
    path,
    size: file.size,
    read: async (offset, length) => {
      // A browser refuses to read a file that has changed since it was chosen.
      const part = await file
        .slice(offset, offset + length)
        .arrayBuffer()
        .catch(() => undefined);
      if (part?.byteLength !== length) {
        throw new Failure("unreadable", path);
      }
      return bytesOf(new Uint8Array(part));
    },
  };
}
