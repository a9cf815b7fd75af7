/** New files in a folder of a person's own: each under a name that nothing there has. */

/** Make a file at a path below a folder, with the folders in between; nothing there is overwritten. */
export async function newFile(
  folder: FileSystemDirectoryHandle,
  path: readonly string[],
): Promise<FileSystemFileHandle> {
  let inside = folder;
  for (const part of path.slice(0, -1)) {
    inside = await inside.getDirectoryHandle(part, { create: true });
  }
  return inside.getFileHandle(await freeName(inside, path.at(-1) ?? "file"), { create: true });
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
