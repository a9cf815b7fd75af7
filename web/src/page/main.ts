/** The page's start: a visit, what draws it, and what the browser is asked for meanwhile. */

import { chooseTarget, download, intoFolder } from "./downloads.ts";
import { droppedOf, pickedOf } from "./picking.ts";
import { homeOf } from "./home.ts";
import { TEXTS } from "./texts.ts";
import { View } from "./view.ts";
import { Visit } from "../visit/visit.ts";
import type { SourceFile } from "../exchange/sending.ts";
import { isUnderWay, wouldLose, type Transfer, type VisitState } from "../visit/state.ts";

/** Milliseconds between two drawings of figures. */
const DRAWN_EVERY = 250;

const top = document.getElementById("page");
if (top === null) {
  throw new Error("the page has no place");
}

let drawing: ReturnType<typeof setTimeout> | undefined;
let drawnAt = -Infinity;
let awake: WakeLockSentinel | undefined;

// The type says that it is always there; without TLS it is not.
const clipboard = navigator.clipboard as Clipboard | undefined;
const home = homeOf(document, location.href);
const visit = new Visit(home.relay, home.key, nameOf(navigator.userAgent), (state) => {
  if (drawing === undefined) {
    drawing = setTimeout(draw, Math.max(0, drawnAt + DRAWN_EVERY - performance.now()));
  }
  void stayAwake(state);
});

const view = new View(top, {
  copy: clipboard === undefined ? undefined : (text) => clipboard.writeText(text),
  join: (typed) => void visit.join(typed),
  choose: (files) => void sendThese(() => pickedOf(files)),
  answer: (id, yes) => void visit.answer(id, yes),
  acceptInto: (transfer) => void acceptInto(transfer),
  allow: (id) => void visit.allow(id),
  pause: (id, paused) => void visit.pause(id, paused),
  cancel: (id) => void visit.cancel(id),
  saveAll: ({ id, arrived }) => {
    if (arrived !== undefined) {
      void download(arrived).then(() => visit.saved(id));
    }
  },
  saveFolder: (transfer) => void saveFolder(transfer),
  say: (text) => void visit.say(text),
  leave: () => void visit.leave(),
  startAgain: () => {
    // A link is used once.
    history.replaceState(null, "", location.pathname);
    location.reload();
  },
  // A page is saved so that nobody has to trust the one that a relay serves.
  linkOf: (code) => (home.isSaved ? undefined : `${home.relay}/r#${code}`),
});

function draw(): void {
  clearTimeout(drawing);
  drawing = undefined;
  drawnAt = performance.now();
  view.draw(visit.state);
}

async function sendThese(find: () => readonly SourceFile[] | Promise<readonly SourceFile[]>): Promise<void> {
  try {
    await visit.send(await find());
  } catch (error) {
    visit.tell(error);
  }
}

async function acceptInto({ id, files }: Transfer): Promise<void> {
  const chosen = await chooseTarget(files);
  if (chosen !== undefined) {
    await visit.answer(id, true, chosen);
  }
}

async function saveFolder({ id, arrived }: Transfer): Promise<void> {
  if (arrived !== undefined && (await intoFolder(arrived))) {
    visit.saved(id);
  }
}

/** Keep the machine awake while something runs, where the browser can; it lets go by itself when hidden. */
async function stayAwake({ transfers }: VisitState): Promise<void> {
  const runs = transfers.some(isUnderWay);
  if (!runs) {
    const held = awake;
    awake = undefined;
    await held?.release().catch(() => undefined);
  } else if (awake === undefined || awake.released) {
    const lock = navigator.wakeLock as WakeLock | undefined;
    awake = await lock?.request("screen").catch(() => undefined);
  }
}

/** What the partner is told of who this is. */
function nameOf(agent: string): string {
  const [, browser] = /(Firefox|Edg|Chrome|Safari)\//.exec(agent) ?? [];
  return `Somebody with ${browser === "Edg" ? "Edge" : (browser ?? "a browser")}`;
}

addEventListener("beforeunload", (event) => {
  if (wouldLose(visit.state)) {
    event.preventDefault();
    event.returnValue = TEXTS.leave;
  }
});
// A drop beside the field would have the browser leave the page for the file.
for (const kind of ["dragover", "drop"] as const) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    const data = event.dataTransfer;
    if (kind === "drop" && data !== null) {
      void sendThese(() => droppedOf(data));
    }
  });
}
addEventListener("hashchange", () => location.reload());
draw();
void visit.open(location.hash);
