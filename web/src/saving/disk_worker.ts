/**
 * A worker that writes one file of the origin's private file system: only workers write in place,
 * so that what was written is there at once, and after a reload.
 */

import type { Ask, Told } from "./disk.ts";

interface Port {
  onmessage: ((event: MessageEvent<Ask>) => void) | null;
  postMessage(told: Told): void;
}

/** As browsers have it in workers; TypeScript's DOM does not know it. */
interface SyncAccess {
  write(content: Uint8Array, at: { readonly at: number }): number;
  read(content: Uint8Array, at: { readonly at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
type Handle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccess> };

const port = globalThis as unknown as Port;
let access: SyncAccess | undefined;

async function obey(ask: Ask): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (ask.does === "open") {
    const root = await navigator.storage.getDirectory();
    const handle = (await root.getFileHandle(ask.name, { create: true })) as Handle;
    access = await handle.createSyncAccessHandle();
    access.truncate(ask.size);
  } else if (ask.does === "write") {
    const written = access?.write(ask.content, { at: ask.position });
    if (written !== ask.content.length) {
      throw new DOMException("nothing more fits", "QuotaExceededError");
    }
  } else if (ask.does === "read") {
    const content = new Uint8Array(ask.length);
    return content.subarray(0, access?.read(content, { at: ask.position }));
  } else {
    access?.flush();
    access?.close();
    access = undefined;
  }
  return undefined;
}

port.onmessage = ({ data }) => {
  obey(data).then(
    (content) => port.postMessage({ number: data.number, error: "", content }),
    (error: unknown) => {
      port.postMessage({ number: data.number, error: error instanceof Error ? error.name : "Error" });
    },
  );
};
