/** Every sentence of the page, in one file, so that another language is one more of these. */

import type { FailureCode } from "../failure.ts";

export const TEXTS = {
  title: "FileSend",
  tagline: "Files from one person to another, machine to machine.",
  yourCode: "Your code",
  tellCode: "Tell it to whom you want to meet, or have them open the page with it:",
  tellCodeAlone: "Tell it to whom you want to meet; they type it into filesend, or into a page as this one:",
  copyCode: "Copy code",
  copyLink: "Copy link",
  copied: "Copied.",
  theirCode: "Their code, or link",
  theirCodeHint: "such as 4711-apple-violin",
  pair: "Pair",
  askingForCode: "Asking for a code…",
  connecting: "Connecting to the relay…",
  meeting: "Waiting for the other person…",
  pairing: "Pairing…",
  pairedWith: (name: string): string => `You are paired with ${name}.`,
  away: (name: string): string => `${name} is away, or the relay. What was under way goes on when both are back.`,
  left: (name: string): string => `You are not paired with ${name} any more.`,
  compare: "Compare:",
  wordsToCompare: "Read these words to each other: they are the same on both sides, or somebody is in between.",
  dropHere: "Drop files or folders here, or choose:",
  chooseFiles: "Choose files",
  chooseFolder: "Choose a folder",
  nothingYet: "Nothing was sent yet.",
  asks: (name: string, files: number, size: string): string =>
    files === 1 ? `${name} would like to send you a file, ${size}:` : `${name} would like to send you ${files} files, ${size}:`,
  more: (count: number): string => `and ${count} more`,
  accept: "Accept",
  acceptInto: (files: number): string => (files === 1 ? "Accept, and save as…" : "Accept into a folder…"),
  decline: "Decline",
  waitsForYes: (name: string): string => `Waiting for ${name} to say yes…`,
  preparing: (name: string, share: string): string => `${name} prepares it, ${share}.`,
  hashing: (share: string): string => `Preparing, ${share}.`,
  connectingPeer: "Connecting, machine to machine…",
  moving: (done: string, all: string, rate: string, left: string): string => `${done} of ${all} at ${rate}, ${left}`,
  timeLeft: (time: string): string => `${time} left`,
  writing: "Writing it…",
  pause: "Pause",
  goOn: "Go on",
  paused: "Paused.",
  pausedByThem: (name: string): string => `${name} paused it.`,
  queued: (name: string): string => `${name} sends something else first.`,
  cancel: "Cancel",
  received: (time: string): string => `Received and verified in ${time}.`,
  sent: (name: string): string => `${name} has it, verified.`,
  inTarget: (name: string): string => `It is in ${name}, as you chose.`,
  barred: (name: string): string => `The browser asks you once more before this page writes to ${name}: go on?`,
  saveAll: "Save all",
  save: "Save",
  saved: "Saved.",
  keepOpen: "Keep this page open until it is saved.",
  declined: (name: string): string => `${name} declined.`,
  declinedHere: "You declined.",
  cancelled: (name: string): string => `${name} cancelled it.`,
  cancelledHere: "You cancelled it.",
  message: "A line to them",
  say: "Send",
  disconnect: "Disconnect",
  startAgain: "Start again",
  textFrom: (name: string): string => `${name} sent a text:`,
  copyText: "Copy text",
  leave: "Something is under way. Leave the page all the same?",
  noRoom: (needs: string, has: string): string => `This browser has ${has} of room for this, and it needs ${needs}.`,
  inMemory: "This page came without TLS, so the browser keeps what arrives in its own store until you save it.",
} as const;

/** What went wrong, and what to do next. */
export function sentenceOf(code: FailureCode, detail: string): string {
  switch (code) {
    case "invalidCode":
      if (detail === "elsewhere") {
        return "That link leads to another relay than this page. Open it in a browser, or have them make one at this relay.";
      }
      return detail === "several"
        ? "There are several codes in that. Type one of them."
        : "That is no code. It is a number and two words, such as 4711-apple-violin.";
    case "wrongCode":
      return "The code was not right, and is used up. Ask for a new one.";
    case "wrongSecret":
      return "The other side does not hold the secret of this link. Ask for a new link.";
    case "pairingFailed":
      return "Pairing did not work: the other side went away, or was silent. Ask for a new code or link.";
    case "somebodyBetween":
      return "Somebody is in between. Do not use this relay; meet at another.";
    case "tampered":
      return "What came was altered on the way, so the session is over. Pair again, at another relay if it happens again.";
    case "notUnderstood":
      return "The other side sent what this page does not understand: more than 10,000 files, a stream or links, or it is newer. Have them send it with filesend receive on this side.";
    case "partnerGone":
      return "They are gone. Ask them for a new code or link.";
    case "relayLost":
      return "The relay cannot be reached. Look at your network, and try again.";
    case "relayRefused":
      return REFUSALS[detail] ?? `The relay refused it (${detail}). Try again in a minute.`;
    case "expired":
      return "Nobody came in time. Ask for a new code or link.";
    case "badSignal":
    case "badPeer":
      return `The other machine sent what is wrong (${detail || "a description"}), so the transfer is over. Have them send it again.`;
    case "tooLong":
      return "That is too much for one request. Send it in parts.";
    case "noChannel":
      return "The two machines did not reach each other: a network between them may forbid it. Try another network, or filesend on both sides, which has more ways.";
    case "noRoom":
      return "The browser has no room left for it. Free some space, or choose a file or folder for it where the browser lets you, and have it sent again.";
    case "targetGone":
      return "What you chose for it cannot be written to any more: it was moved or removed, or the browser was told no. Have it sent again, and choose anew.";
    case "lost":
      return "What had arrived was gone with the page, which had it in memory. Have it sent again, and save it before you leave.";
    case "unreadable":
      return `${detail} cannot be read any more. Choose it again.`;
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  unknownCode: "Nobody waits with that code. Check it, or ask for a new one.",
  usedCode: "That code was used already. Ask for a new one.",
  expiredCode: "That code has expired. Ask for a new one.",
  withdrawnCode: "That code was withdrawn. Ask for a new one.",
  ownCode: "That is your own code. Type the other person's.",
  rateLimited: "Too many tries. Wait a minute, and try again.",
  relayFull: "The relay is full. Try again in a minute.",
};
