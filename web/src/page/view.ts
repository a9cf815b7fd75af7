/** The page, drawn from a state: whatever is drawn twice is the same. What a person does is told. */

import { canChooseFolder, canChooseTarget } from "./downloads.ts";
import { button, element, type Child } from "./dom.ts";
import { rateText, shareText, sizeText, timeText } from "./figures.ts";
import { sentenceOf, TEXTS } from "./texts.ts";
import { isUnderWay, type Line, type Transfer, type VisitState } from "../visit/state.ts";

/** What a person does. */
export interface Deeds {
  /** Copy a text; undefined where the browser does not let this page. */
  readonly copy: ((text: string) => Promise<void>) | undefined;
  join(typed: string): void;
  choose(files: FileList | null): void;
  answer(id: string, yes: boolean): void;
  /** Accept it into a file or folder that they choose. */
  acceptInto(transfer: Transfer): void;
  /** Let the browser ask them again for what they chose. */
  allow(id: string): void;
  pause(id: string, paused: boolean): void;
  cancel(id: string): void;
  saveAll(transfer: Transfer): void;
  saveFolder(transfer: Transfer): void;
  say(text: string): void;
  leave(): void;
  startAgain(): void;
  /** The link that leads here with this code; undefined where nobody else could follow it. */
  linkOf(code: string): string | undefined;
}

/** Files of a request that are listed. */
const LISTED = 8;

/**
 * Draws states into an element. Parts that a person types in are made once and kept: only what
 * changed is drawn again, so that neither the focus nor what was typed is lost.
 */
export class View {
  readonly #deeds: Deeds;
  readonly #top: HTMLElement;
  readonly #parts = new Map<string, { readonly node: HTMLElement; readonly of: string }>();
  readonly #code: HTMLFormElement;
  readonly #talk: HTMLFormElement;
  readonly #pick: HTMLElement;
  readonly #announced: HTMLElement;

  constructor(top: HTMLElement, deeds: Deeds) {
    this.#top = top;
    this.#deeds = deeds;
    this.#code = this.#codeForm();
    this.#talk = this.#talkForm();
    this.#pick = this.#picker();
    // What a screen reader says when it changes.
    this.#announced = element("p", { class: "announced", role: "status" });
  }

  draw(state: VisitState): void {
    const { stage, failure } = state;
    this.#announced.textContent = statusOf(state);
    const meets = stage === "ready" || (stage === "pairing" && !state.byLink);
    const nodes: Child[] = [
      this.#part("head", "", () =>
        element("header", {}, element("h1", {}, TEXTS.title), element("p", {}, TEXTS.tagline)),
      ),
      this.#announced,
      failure !== undefined &&
        this.#part("failure", `${failure.code} ${failure.detail}`, () =>
          element("p", { class: "failure", role: "alert" }, sentenceOf(failure.code, failure.detail)),
        ),
      meets && this.#part("own", state.code, () => this.#ownCode(state.code)),
      meets && this.#code,
      stage === "paired" && this.#part("words", state.verification, () => words(state.verification)),
      ...state.transfers.map((each) => this.#transfer(each, state.partner)),
      stage === "paired" && this.#pick,
      state.lines.length > 0 && this.#part("lines", `${state.lines.length}`, () => this.#lines(state.lines)),
      stage === "paired" && this.#talk,
      stage === "paired" &&
        this.#part("leave", "", () => button(TEXTS.disconnect, () => this.#deeds.leave(), { class: "quiet" })),
      stage === "over" &&
        this.#part("again", "", () => button(TEXTS.startAgain, () => this.#deeds.startAgain())),
    ];
    const shown = nodes.filter((node): node is HTMLElement => node instanceof HTMLElement);
    // Nodes that stay are not touched: a node that is put where it is loses the focus.
    shown.forEach((node, at) => {
      if (this.#top.children[at] !== node) {
        this.#top.insertBefore(node, this.#top.children[at] ?? null);
      }
    });
    while (this.#top.children.length > shown.length) {
      this.#top.lastElementChild?.remove();
    }
  }

  /** The node of a part, made anew where what it is drawn of has changed. */
  #part(key: string, of: string, make: () => HTMLElement): HTMLElement {
    const known = this.#parts.get(key);
    if (known?.of === of) {
      return known.node;
    }
    const node = make();
    this.#parts.set(key, { node, of });
    return node;
  }

  #ownCode(code: string): HTMLElement {
    if (code === "") {
      return element("section", {}, element("p", {}, TEXTS.askingForCode));
    }
    const link = this.#deeds.linkOf(code);
    return element(
      "section",
      { "aria-labelledby": "own" },
      element("h2", { id: "own" }, TEXTS.yourCode),
      element("p", { class: "code", id: "code" }, code),
      element("p", {}, link === undefined ? TEXTS.tellCodeAlone : TEXTS.tellCode),
      link !== undefined && element("p", { class: "link" }, link),
      element(
        "p",
        { class: "row" },
        this.#copying(TEXTS.copyCode, code),
        link !== undefined && this.#copying(TEXTS.copyLink, link),
      ),
    );
  }

  #copying(label: string, text: string): HTMLButtonElement | undefined {
    const { copy } = this.#deeds;
    if (copy === undefined) {
      return undefined;
    }
    const made = button(label, () => {
      void copy(text).then(() => {
        made.textContent = TEXTS.copied;
      });
    });
    return made;
  }

  #codeForm(): HTMLFormElement {
    const field = element("input", {
      id: "theirs",
      type: "text",
      placeholder: TEXTS.theirCodeHint,
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: 400,
    });
    return element(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.#deeds.join(field.value);
        },
      },
      element("label", { for: "theirs" }, TEXTS.theirCode),
      element("p", { class: "row" }, field, element("button", { type: "submit" }, TEXTS.pair)),
    );
  }

  #talkForm(): HTMLFormElement {
    const field = element("input", { id: "line", type: "text", maxlength: 2000, autocomplete: "off" });
    return element(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          this.#deeds.say(field.value);
          field.value = "";
        },
      },
      element("label", { for: "line" }, TEXTS.message),
      element("p", { class: "row" }, field, element("button", { type: "submit" }, TEXTS.say)),
    );
  }

  #picker(): HTMLElement {
    const [files, folder] = [
      element("input", { type: "file", multiple: true, hidden: true, id: "files" }),
      element("input", { type: "file", webkitdirectory: true, hidden: true, id: "folder" }),
    ];
    for (const each of [files, folder]) {
      each.addEventListener("change", () => {
        this.#deeds.choose(each.files);
        each.value = ""; // the same may be chosen again
      });
    }
    return element(
      "section",
      { class: "drop", id: "drop" },
      element("p", {}, TEXTS.dropHere),
      element(
        "p",
        { class: "row" },
        button(TEXTS.chooseFiles, () => files.click()),
        button(TEXTS.chooseFolder, () => folder.click()),
      ),
      files,
      folder,
    );
  }

  #transfer(transfer: Transfer, partner: string): HTMLElement {
    const { id, phase, outgoing, pausedHere, pausedThere, failure, arrived, files, barred } = transfer;
    // All that the buttons and the list depend on; figures change within.
    const of = [phase, outgoing, pausedHere, files.length, failure?.code, arrived?.saved, barred].join();
    const node = this.#part(`transfer ${id}`, of, () =>
      element(
        "section",
        { class: "transfer", "data-id": id, "data-phase": phase },
        element("h2", {}, headOf(transfer, partner)),
        list(transfer),
        isUnderWay(transfer) && element("progress", { max: 1, "aria-label": headOf(transfer, partner) }),
        element("p", { class: "status" }),
        this.#buttons(transfer),
      ),
    );
    const status = node.querySelector(".status");
    const said = pausedThere ? TEXTS.pausedByThem(partner) : statusLine(transfer, partner);
    if (status !== null && status.textContent !== said) {
      status.textContent = said;
    }
    const bar = node.querySelector("progress");
    if (bar !== null) {
      bar.value = transfer.size > 0 ? transfer.moved / transfer.size : 0;
    }
    return node;
  }

  #buttons(transfer: Transfer): HTMLElement {
    const { id, phase, outgoing, pausedHere, arrived, files, barred } = transfer;
    const made: Child[] = [];
    if (phase === "asked" && !outgoing) {
      made.push(
        button(TEXTS.accept, () => this.#deeds.answer(id, true), { class: "main" }),
        canChooseTarget(files.length) &&
          button(TEXTS.acceptInto(files.length), () => this.#deeds.acceptInto(transfer)),
        button(TEXTS.decline, () => this.#deeds.answer(id, false)),
      );
    }
    if (barred) {
      made.push(button(TEXTS.goOn, () => this.#deeds.allow(id), { class: "main" }));
    }
    if (phase === "moving") {
      made.push(button(pausedHere ? TEXTS.goOn : TEXTS.pause, () => this.#deeds.pause(id, !pausedHere)));
    }
    if (isUnderWay(transfer) || (phase === "asked" && outgoing)) {
      made.push(button(TEXTS.cancel, () => this.#deeds.cancel(id)));
    }
    if (arrived !== undefined) {
      const several = arrived.files.length > 1;
      made.push(button(several ? TEXTS.saveAll : TEXTS.save, () => this.#deeds.saveAll(transfer), { class: "main" }));
      if (several && canChooseFolder()) {
        made.push(button(TEXTS.chooseFolder, () => this.#deeds.saveFolder(transfer)));
      }
    }
    return element("p", { class: "row" }, ...made);
  }

  #lines(lines: readonly Line[]): HTMLElement {
    const drawn = lines.map(({ from, text, whole }) =>
      whole
        ? element(
            "li",
            {},
            element("p", {}, TEXTS.textFrom(from)),
            element("pre", { tabindex: 0 }, text),
            this.#copying(TEXTS.copyText, text),
          )
        : element("li", { class: from === "" ? "own" : "theirs" }, from === "" ? text : `${from}: ${text}`),
    );
    return element("ul", { class: "lines", role: "log" }, ...drawn);
  }
}

function words(verification: string): HTMLElement {
  return element(
    "details",
    {},
    element("summary", {}, `${TEXTS.compare} ${verification}`),
    element("p", {}, TEXTS.wordsToCompare),
  );
}

function list({ files }: Transfer): HTMLElement {
  const shown = files
    .slice(0, LISTED)
    .map(({ path, size }) => element("li", {}, element("span", { class: "path" }, path), ` ${sizeText(size)}`));
  const more = files.length - shown.length;
  return element("ul", {}, ...shown, more > 0 && element("li", {}, TEXTS.more(more)));
}

function headOf({ outgoing, phase, files, size }: Transfer, partner: string): string {
  if (!outgoing && phase === "asked") {
    return TEXTS.asks(partner, files.length, sizeText(size));
  }
  const [first] = files;
  const name = files.length === 1 ? (first?.path ?? "") : `${files.length} files`;
  return `${outgoing ? "↑" : "↓"} ${name}, ${sizeText(size)}`;
}

function statusLine(transfer: Transfer, partner: string): string {
  const { phase, outgoing, size, moved, rate, pausedHere, queued, byPartner, failure, took, arrived } = transfer;
  const { target, barred } = transfer;
  if (failure !== undefined) {
    return sentenceOf(failure.code, failure.detail);
  }
  switch (phase) {
    case "asked":
      return outgoing ? TEXTS.waitsForYes(partner) : "";
    case "hashing": {
      const share = shareText(size > 0 ? moved / size : 1);
      return outgoing ? TEXTS.hashing(share) : TEXTS.preparing(partner, share);
    }
    case "connecting":
      if (barred) {
        return TEXTS.barred(target);
      }
      return queued ? TEXTS.queued(partner) : TEXTS.connectingPeer;
    case "moving":
      if (pausedHere) {
        return TEXTS.paused;
      }
      return TEXTS.moving(
        sizeText(moved),
        sizeText(size),
        rateText(rate),
        rate > 0 ? TEXTS.timeLeft(timeText((size - moved) / rate)) : "…",
      );
    case "writing":
      return TEXTS.writing;
    case "done":
      if (outgoing) {
        return TEXTS.sent(partner);
      }
      if (target !== "") {
        return `${TEXTS.received(timeText(took))} ${TEXTS.inTarget(target)}`;
      }
      return `${TEXTS.received(timeText(took))} ${arrived?.saved === true ? TEXTS.saved : TEXTS.keepOpen}`;
    case "declined":
      return byPartner ? TEXTS.declined(partner) : TEXTS.declinedHere;
    case "cancelled":
      return byPartner ? TEXTS.cancelled(partner) : TEXTS.cancelledHere;
    case "failed":
      return "";
  }
}

function statusOf({ stage, partner, away }: VisitState): string {
  switch (stage) {
    case "connecting":
      return TEXTS.connecting;
    case "meeting":
      return TEXTS.meeting;
    case "pairing":
      return TEXTS.pairing;
    case "paired":
      return away ? TEXTS.away(partner) : TEXTS.pairedWith(partner);
    case "over":
      return partner === "" ? "" : TEXTS.left(partner);
    default:
      return "";
  }
}
