/** Which relay a page belongs to: the one that served it, or the one that a saved page names. */

export interface Home {
  /** The relay's URL, such as `https://relay.example`, with the path that it is mounted at. */
  readonly relay: string;
  /** By what it lets a page from disk in; "" for one that it served. */
  readonly key: string;
  /** Whether this is a file that somebody kept. */
  readonly isSaved: boolean;
}

/**
 * As relay/web/saved_page.py writes it into a page's head, which no relay does. `here`: the URL of the
 * page, which stands in the folder that the relay is mounted at.
 */
export function homeOf(page: Pick<Document, "querySelector">, here: string): Home {
  const said = (name: string): string => page.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
  const relay = said("filesend-relay");
  return relay === ""
    ? { relay: new URL(".", here).href.replace(/\/$/, ""), key: "", isSaved: false }
    : { relay, key: said("filesend-page-key"), isSaved: true };
}
