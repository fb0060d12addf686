// One connection to the switch: a WebSocket whose messages are the bytes of a TCP connection, the handshake on it,
// and a request out and its reply in. Must not know what a request is for.

import { Session } from "./session.js";

/** The line is gone, or never came; `why` is a word the page has a text for. Says nothing of what was asked. */
export class LineError extends Error {
  constructor(why, detail = "") {
    super(`${why} ${detail}`.trim());
    this.why = why;
  }
}

const NONCE_BYTES = 32;
const WHY_CLOSED = { 4001: "no_switch", 1013: "busy" };

export class Line {
  /** `onFrame({sent, frame})` is told of every whole frame; `onClosed(line, error)` when the line ends, for whatever reason. */
  constructor(catalogue, identity, { onFrame, onClosed }) {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    this.session = new Session(catalogue, { ...identity, nonce });
    this.catalogue = catalogue;
    this.onFrame = onFrame;
    this.onClosed = onClosed;
    this.waiters = new Set();
    this.work = Promise.resolve();
    this.error = null;
  }

  /** Connects and shakes hands. Throws LineError. */
  static async open(url, catalogue, identity, hooks) {
    const line = new Line(catalogue, identity, hooks);
    const opened = line.waitFor(() => line.session.state === "open", catalogue.patience.handshake_s, "no_handshake");
    line.socket = new WebSocket(url);
    line.socket.binaryType = "arraybuffer";
    line.socket.onopen = () => line.send(line.session.hello);
    line.socket.onmessage = (event) => line.later(() => line.receive(new Uint8Array(event.data)));
    // What came before the end is looked at before the end.
    line.socket.onclose = (event) => line.later(() => line.end(WHY_CLOSED[event.code] ?? line.whyClosed()));
    await opened;
    return line;
  }

  whyClosed() {
    return this.session.state === "open" ? "closed" : "refused";
  }

  /** Bytes are taken in the order they came, though keys are reckoned in between. */
  later(step) {
    this.work = this.work.then(step);
  }

  send(frame) {
    this.onFrame({ sent: true, frame });
    this.socket.send(frame);
  }

  async receive(bytes) {
    if (this.error) return;
    let taken;
    try {
      taken = await this.session.receive(bytes);
    } catch (error) {
      this.end("protocol", error.reason);
      return;
    }
    for (const { frame, type, message, answer } of taken) {
      this.onFrame({ sent: false, frame });
      if (answer) this.send(answer);
      for (const waiter of [...this.waiters]) waiter.look(type, message);
    }
  }

  /** Sends a request and waits for the reply of its type and STAN; others are dropped. Throws LineError. */
  async ask(type, body, stan, seconds) {
    if (this.error) throw this.error;
    const replyType = (type & ~this.catalogue.repeat_bit) | this.catalogue.reply_bit;
    const isReply = (found, message) => found === replyType && message.stan === stan;
    const answered = this.waitFor(isReply, seconds, "silence");
    const sealed = this.session.seal(type, body);
    this.later(async () => {
      const frame = await sealed;
      if (!this.error) this.send(frame);
    });
    return answered;
  }

  waitFor(fits, seconds, whyNot) {
    return new Promise((resolve, reject) => {
      const waiter = {
        look: (type, message) => {
          if (fits(type, message)) settle(() => resolve(message));
        },
        fail: (error) => settle(() => reject(error)),
      };
      const timer = setTimeout(() => this.end(whyNot), Math.max(0, seconds) * 1000);
      const settle = (result) => {
        clearTimeout(timer);
        this.waiters.delete(waiter);
        result();
      };
      this.waiters.add(waiter);
    });
  }

  /** Ends the line for a reason; whoever waits is told. A line that failed in any way is never used again. */
  end(why, detail) {
    if (this.error) return;
    this.error = new LineError(why, detail);
    for (const waiter of [...this.waiters]) waiter.fail(this.error);
    this.socket.close();
    this.onClosed(this, this.error);
  }
}
