/** A WebRTC data channel to one peer, as a stream of bytes both ways; and how it comes about. */

import { Failure } from "../failure.ts";
import { Inbox } from "../util/inbox.ts";
import { FULL, MOST_UNREAD, type Attempt, type Channel } from "./channel.ts";

/** Milliseconds for all candidates to be found, and for a connection. */
const GATHERING = 5_000;
const CONNECTING = 25_000;
/** Bytes that wait to be sent, below which more may come. */
const LOW = 256 * 1024;

class WebRtcChannel implements Channel {
  readonly #connection: RTCPeerConnection;
  readonly #channel: RTCDataChannel;
  readonly #inbox: Inbox<Uint8Array>;

  constructor(connection: RTCPeerConnection, channel: RTCDataChannel) {
    this.#connection = connection;
    this.#channel = channel;
    this.#inbox = new Inbox(MOST_UNREAD, () => new Failure("badPeer", "unreadFlood"));
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) {
        this.#inbox.put(new Uint8Array(data));
      } else {
        this.#inbox.fail(new Failure("badPeer", "textMessage"));
      }
    };
    channel.onclose = () => this.#inbox.fail(new Failure("noChannel", "closed"));
  }

  /** What comes next. Throws Failure where nothing does. */
  next(): Promise<Uint8Array> {
    return this.#inbox.next();
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#channel.readyState === "open") {
      this.#channel.send(bytes);
    }
  }

  /** Resolves once more may be sent; also once it is closed. */
  async room(): Promise<void> {
    const channel = this.#channel;
    if (channel.bufferedAmount < FULL || channel.readyState !== "open") {
      return;
    }
    channel.bufferedAmountLowThreshold = LOW;
    await new Promise<void>((done) => {
      const go = (): void => {
        channel.removeEventListener("bufferedamountlow", go);
        channel.removeEventListener("close", go);
        done();
      };
      channel.addEventListener("bufferedamountlow", go);
      channel.addEventListener("close", go);
    });
  }

  close(): void {
    this.#connection.close();
    this.#inbox.fail(new Failure("noChannel", "closed"));
  }
}

/** One connection on its way: with an offer of this side's, or an answer to one. */
export class WebRtcAttempt implements Attempt {
  /** Throws Failure `noChannel` where it does not open in time. */
  readonly channel: Promise<Channel>;
  readonly #connection: RTCPeerConnection;
  #fail: () => void = () => undefined;

  private constructor(configuration: RTCConfiguration, label: string | undefined) {
    this.#connection = new RTCPeerConnection(configuration);
    this.channel = this.#opened(label);
    this.channel.catch(() => undefined); // whoever waits hears of it
  }

  /** An attempt, and the text of its offer. */
  static async offering(configuration: RTCConfiguration): Promise<readonly [WebRtcAttempt, string]> {
    const attempt = new WebRtcAttempt(configuration, crypto.getRandomValues(new Uint8Array(20)).join(""));
    return [attempt, await attempt.#described(await attempt.#connection.createOffer())];
  }

  /** An attempt, and the text of its answer. Throws where the offer makes no sense. */
  static async answering(configuration: RTCConfiguration, sdp: string): Promise<readonly [WebRtcAttempt, string]> {
    const attempt = new WebRtcAttempt(configuration, undefined);
    try {
      await attempt.#connection.setRemoteDescription({ type: "offer", sdp });
      return [attempt, await attempt.#described(await attempt.#connection.createAnswer())];
    } catch (error) {
      attempt.cancel();
      throw error;
    }
  }

  /** Take the answer to this side's offer. Throws where it makes no sense. */
  async take(sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type: "answer", sdp });
  }

  cancel(): void {
    this.#fail();
  }

  async #described(description: RTCSessionDescriptionInit): Promise<string> {
    const connection = this.#connection;
    await connection.setLocalDescription(description);
    // There is no trickle: the text carries all candidates.
    await new Promise<void>((done) => {
      const timer = setTimeout(done, GATHERING);
      const look = (): void => {
        if (connection.iceGatheringState === "complete") {
          clearTimeout(timer);
          done();
        }
      };
      connection.onicegatheringstatechange = look;
      look();
    });
    return connection.localDescription?.sdp ?? "";
  }

  #opened(label: string | undefined): Promise<Channel> {
    const connection = this.#connection;
    return new Promise((done, failed) => {
      const fail = (this.#fail = (): void => {
        clearTimeout(timer);
        connection.close();
        failed(new Failure("noChannel"));
      });
      // An offer waits for its answer as well.
      const timer = setTimeout(fail, label === undefined ? CONNECTING : 2 * CONNECTING);
      const watch = (channel: RTCDataChannel): void => {
        // Made at once, so that nothing is missed that comes with the opening.
        const made = new WebRtcChannel(connection, channel);
        const open = (): void => {
          clearTimeout(timer);
          done(made);
        };
        if (channel.readyState === "open") {
          open();
        } else {
          channel.onopen = open;
        }
      };
      connection.onconnectionstatechange = () => {
        if (connection.connectionState === "failed" || connection.connectionState === "closed") {
          fail();
        }
      };
      if (label === undefined) {
        connection.ondatachannel = ({ channel }) => watch(channel);
      } else {
        watch(connection.createDataChannel(label));
      }
    });
  }
}
