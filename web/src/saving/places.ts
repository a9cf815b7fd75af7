/**
 * Where a person chose to have what arrives, kept by the browser (IndexedDB) so that a page that is
 * loaded anew finds it. Whether it may still be written to is the browser's to say.
 */

/** What a picker gives, and the methods that TypeScript's DOM does not know. */
export type Root = (FileSystemFileHandle | FileSystemDirectoryHandle) & {
  queryPermission?(wanted: { mode: "readwrite" }): Promise<PermissionState>;
  requestPermission?(wanted: { mode: "readwrite" }): Promise<PermissionState>;
};

export interface Place {
  readonly root: Root;
  /** One for each file that arrives, in order; empty before they were made. */
  readonly files: readonly FileSystemFileHandle[];
}

interface Kept extends Place {
  /** When it was kept, in milliseconds since 1970. */
  readonly at: number;
}

const DATABASE = "filesend";
const STORE = "places";
/** Milliseconds after which one is left over from a tab that was closed. */
const LEFT = 7 * 24 * 60 * 60 * 1000;
const WRITE = { mode: "readwrite" } as const;

/** Keep a place under a name; a browser that keeps none forgets it with the page. */
export async function keepPlace(name: string, { root, files }: Place): Promise<void> {
  await used((places) => {
    const all = places.openCursor();
    all.onsuccess = () => {
      const cursor = all.result;
      if (cursor !== null) {
        if ((cursor.value as Kept).at < Date.now() - LEFT) {
          cursor.delete();
        }
        cursor.continue();
      }
    };
    return places.put({ root, files, at: Date.now() } satisfies Kept, name);
  });
}

export async function placeOf(name: string): Promise<Place | undefined> {
  return used<Kept | undefined>((places) => places.get(name));
}

export async function dropPlace(name: string): Promise<void> {
  await used((places) => places.delete(name));
}

/** Whether it may be written to: `prompt` where the person has to say so again. */
export async function mayWrite({ root }: Place): Promise<PermissionState> {
  return (await root.queryPermission?.(WRITE).catch(() => "denied" as const)) ?? "granted";
}

/** Have the browser ask the person, who has just pressed something; whether they said yes. */
export async function askToWrite({ root }: Place): Promise<boolean> {
  return ((await root.requestPermission?.(WRITE).catch(() => "denied" as const)) ?? "granted") === "granted";
}

/** Do this in a transaction; undefined where the browser does not let a page keep anything. */
async function used<T>(work: (places: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
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
