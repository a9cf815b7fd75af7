/**
 * One person in node, for the Python tests: reads commands and says what happens, a JSON object a
 * line. argv: the relay's URL. Commands: {do: "make"}, {do: "join", code}, {do: "meet", secret},
 * {do: "say", word, content}, {do: "leave"}; its end is that of its input.
 */

import { createInterface } from "node:readline";
import { Failure } from "../src/failure.ts";
import { primitives } from "../src/crypto/choice.ts";
import { RelayConnection } from "../src/relay/connection.ts";
import type { Room } from "../src/relay/room.ts";
import type { RoutedEvent } from "../src/relay/words.ts";
import { codeText, newCode, parseCode } from "../src/session/code.ts";
import type { Hello } from "../src/session/hello.ts";
import type { Introduction } from "../src/session/key_agreement.ts";
import { pair } from "../src/session/pairing_handshake.ts";
import { Session } from "../src/session/session.ts";
import type { Word } from "../src/session/envelope.ts";
import { placeOf, secretOf } from "../src/session/shared_secret.ts";
import type { Side } from "../src/session/side.ts";
import { unhex } from "../src/util/bytes.ts";

interface Command {
  readonly do: string;
  readonly code?: string;
  readonly secret?: string;
  readonly wants?: Hello["wants"];
  readonly word?: RoutedEvent;
  readonly content?: Word;
}

function tell(event: string, more: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

class Person {
  readonly #relay: RelayConnection;
  #paired: { readonly session: Session; readonly room: Room } | undefined;

  constructor(relay: RelayConnection) {
    this.#relay = relay;
  }

  async obey(command: Command): Promise<void> {
    const hello: Hello = { name: "Page", wants: command.wants ?? "both", guest: false };
    switch (command.do) {
      case "make": {
        const waiting = await this.#relay.allocate();
        const code = newCode(waiting.nameplate);
        tell("code", { code: codeText(code) });
        await this.#pair(code, "maker", hello, await waiting.room);
        break;
      }
      case "join": {
        const code = parseCode(command.code ?? "");
        await this.#pair(code, "joiner", hello, await this.#relay.claim(code.nameplate));
        break;
      }
      case "meet": {
        const secret = secretOf(unhex(command.secret ?? ""));
        const waiting = await this.#relay.meet(await placeOf(secret, primitives()));
        tell("met", { joined: waiting.joined });
        const side = waiting.joined ? "joiner" : "maker";
        await this.#pair(secret, side, hello, await waiting.room);
        break;
      }
      case "say":
        await this.#paired?.session.say(command.word ?? "message", command.content ?? {});
        break;
      case "leave":
        await this.#paired?.session.end();
        await this.#paired?.room.leave();
        break;
      default:
        throw new Error(`no command: ${command.do}`);
    }
  }

  async #pair(by: Introduction, side: Side, hello: Hello, room: Room): Promise<void> {
    const session = Session.begun(await pair(by, side, hello, room), room);
    // Nobody here comes back.
    session.onAway = () => session.fail(new Failure("partnerGone"));
    this.#paired = { session, room };
    tell("paired", { ...session.partner, verification: session.verification });
    this.#listen(session).catch(refused);
  }

  async #listen(session: Session): Promise<void> {
    for (;;) {
      const { event, word } = await session.next();
      tell("heard", { word: event, content: word });
    }
  }
}

function refused(error: unknown): void {
  if (!(error instanceof Failure)) {
    throw error;
  }
  tell("refused", { code: error.code, detail: error.detail });
}

const relay = await RelayConnection.to(process.argv[2] ?? "");
const person = new Person(relay);
tell("ready");
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  person.obey(JSON.parse(line) as Command).catch(refused);
});
lines.on("close", () => relay.close());
