/**
 * Where a person chose to have what arrives, kept by the browser (IndexedDB) so that a page that is
 * loaded anew finds it. Whether it may still be written to is the browser's to say.
 */

/** What a picker gives, and the methods that TypeScript's DOM does not know. */
export type Root = (FileSystemFileHandle | FileSystemDirectoryHandle) & {
  queryPermission?(wanted: { mode: "readwrite" }): Promise<PermissionState>;
  requestPermission?(wanted: { mode: "readwrite" }): Promise<PermissionState>;
};

export interface Target {
  readonly root: Root;
  /** One for each file that arrives, in order; empty before they were made. */
  readonly files: readonly FileSystemFileHandle[];
}

interface Kept extends Target {
  /** When it was kept, in milliseconds since 1970. */
  readonly at: number;
}

const DATABASE = "filesend";
const STORE = "targets";
/** Milliseconds after which one is left over from a tab that was closed. */
const LEFT = 7 * 24 * 60 * 60 * 1000;
const WRITE = { mode: "readwrite" } as const;

/** Keep a target under a name; a browser that keeps none forgets it with the page. */
export async function keepTarget(name: string, { root, files }: Target): Promise<void> {
  await used((targets) => {
    const all = targets.openCursor();
    all.onsuccess = () => {
      const cursor = all.result;
      if (cursor !== null) {
        if ((cursor.value as Kept).at < Date.now() - LEFT) {
          cursor.delete();
        }
        cursor.continue();
      }
    };
    return targets.put({ root, files, at: Date.now() } satisfies Kept, name);
  });
}

export async function targetOf(name: string): Promise<Target | undefined> {
  return used<Kept | undefined>((targets) => targets.get(name));
}

export async function dropTarget(name: string): Promise<void> {
  await used((targets) => targets.delete(name));
}

/** Whether it may be written to: `prompt` where the person has to say so again. */
export async function mayWrite({ root }: Target): Promise<PermissionState> {
  return (await root.queryPermission?.(WRITE).catch(() => "denied" as const)) ?? "granted";
}

/** Have the browser ask the person, who has just pressed something; whether they said yes. */
export async function askToWrite({ root }: Target): Promise<boolean> {
  return ((await root.requestPermission?.(WRITE).catch(() => "denied" as const)) ?? "granted") === "granted";
}

/** Do this in a transaction; undefined where the browser does not let a page keep anything. */
async function used<T>(work: (targets: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  try {
    const database = await done(opened());
    try {
      return await done(work(database.transaction(STORE, "readwrite").objectStore(STORE)));
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

function opened(): IDBOpenDBRequest {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return opening;
}

async function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no reason"));
  });
}
