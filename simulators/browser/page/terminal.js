// How a terminal behaves (SPEC.md, section 6): one request at a time, persisted before it is sent, sent again byte for
// byte with the repeat bit, given up into a REVERSAL that never gives up. Must not know the page.

import { Backoff, seconds } from "./backoff.js";
import { fromHex, hex } from "./bytes.js";
import { withoutTrack1 } from "./card.js";
import { Line, LineError } from "./line.js";

const SETTLE_AFTER_MS = 100;

/** No final answer within the tries; `why` is the last failure. */
class NoAnswer extends Error {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/** The request was given up: `reversal` is the STAN of what undoes it, undefined for a question. */
export class Abandoned extends Error {
  constructor(why, stan, reversal) {
    super(why);
    Object.assign(this, { why, stan, reversal });
  }
}

export class Terminal {
  /**
   * `tell(event, details)` is told of all that happens: line_opening, line_closed, pause, sent, answered, signed_on,
   * stored, given_up, settled, frame.
   */
  constructor({ url, catalogue, identity, memory, software, language, tell }) {
    Object.assign(this, { url, catalogue, identity, memory, software, language, tell });
    this.patience = catalogue.patience;
    this.backoff = new Backoff(catalogue.patience, (rest) => tell("pause", { rest }));
    this.line = null;
    this.programme = null;
    this.turn = Promise.resolve();
    this.isOver = false;
    this.isSettling = false;
    this.cutNext = false;
  }

  /** Runs `work` when nothing else is under way. */
  inTurn(work) {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {}).then(() => this.settleLater());
    return result;
  }

  /** What is pending goes on by itself, whatever became of the work before; its pauses are the exchange's. */
  settleLater() {
    if (this.isOver || this.isSettling || !this.memory.pending) return;
    this.isSettling = true;
    setTimeout(() => {
      this.isSettling = false;
      this.inTurn(() => this.ready()).catch(() => {});
    }, SETTLE_AFTER_MS);
  }

  /** Signs on, and brings to an end what was left. */
  start() {
    return this.inTurn(async () => {
      await this.readyLine(Infinity);
      await this.settlePending();
    });
  }

  /** Asks for something that moves nothing; it is not persisted and not reversed. Throws Abandoned, LineError. */
  inquire(name, fields) {
    return this.inTurn(async () => {
      await this.ready();
      const type = this.catalogue.numberOf(name);
      const stan = this.memory.nextStan();
      const body = this.catalogue.encodeBody(type, this.filled(stan, fields));
      try {
        return await this.exchange(type, body, stan, { isNew: true });
      } catch (error) {
        throw error instanceof NoAnswer ? new Abandoned(error.why, stan) : error;
      }
    });
  }

  /** Sends what can move something, and brings it to an end: a reply, or Abandoned. */
  post(name, fields) {
    return this.inTurn(async () => {
      await this.ready();
      const type = this.catalogue.numberOf(name);
      // Encoded before it has a number: what the switch would not read is refused here, and no STAN is lost.
      this.catalogue.encodeBody(type, this.filled(1, fields));
      const stan = this.memory.nextStan();
      const body = this.catalogue.encodeBody(type, this.filled(stan, fields));
      const pending = { stan, type, body: hex(body), isSent: false };
      this.memory.begin(pending);
      this.tell("stored", { stan, type });
      return this.bringToEnd(pending, true);
    });
  }

  filled(stan, fields) {
    const card = fields.card === undefined ? {} : { card: withoutTrack1(fields.card) };
    return { ...fields, ...card, stan, terminal_time: Math.floor(Date.now() / 1000) };
  }

  /** A line, and nothing pending: only then may something new begin. */
  async ready() {
    if (!this.line) await this.readyLine(Infinity);
    await this.settlePending();
  }

  async settlePending() {
    while (this.memory.pending) {
      const { stan, type } = this.memory.pending;
      const reply = await this.bringToEnd(this.memory.pending, false);
      this.tell("settled", { stan, type, reply });
    }
  }

  /** Sends a stored request until it has a final answer; a sale that gets none becomes a stored REVERSAL. */
  async bringToEnd(pending, isNew) {
    const { stan, type } = pending;
    const body = fromHex(pending.body);
    const repeat = pending.isSent;
    this.memory.begin({ ...pending, isSent: true });
    try {
      const reply = await this.exchange(type, body, stan, { isNew, repeat });
      this.memory.finish();
      // Somebody used this number before us: the next sign-on tells the last one.
      if (this.catalogue.resultOf(reply.code).name === "STAN_CONFLICT") this.dropLine();
      return reply;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      throw new Abandoned(error.why, stan, this.giveUp(pending));
    }
  }

  /** Returns the STAN of what is sent on without end: the request itself, or the REVERSAL that takes its place. */
  giveUp({ stan, type, body }) {
    if (this.catalogue.messageOf(type).never_given_up) return stan;
    const { card, entry } = this.catalogue.decodeBody(type, fromHex(body)).value;
    const reversalType = this.catalogue.numberOf("REVERSAL");
    const reversal = this.memory.nextStan();
    const fields = this.filled(reversal, { card, entry, original_stan: stan });
    const reversalBody = hex(this.catalogue.encodeBody(reversalType, fields));
    this.memory.begin({ stan: reversal, type: reversalType, body: reversalBody, isSent: false });
    this.tell("given_up", { stan, reversal });
    return reversal;
  }

  /** The line, made and signed on if need be, when the pause after failures allows. Throws LineError. */
  async readyLine(deadline) {
    if (this.line) return this.line;
    if (!(await this.backoff.wait(Math.min(deadline, seconds() + this.patience.window_s)))) throw new LineError("pausing");
    try {
      this.tell("line_opening", {});
      const line = await Line.open(this.url, this.catalogue, this.identity, {
        onFrame: (frame) => this.tell("frame", frame),
        onClosed: (ended, error) => this.lineEnded(ended, error),
      });
      this.line = line;
      await this.signOn(line);
      return line;
    } catch (error) {
      this.backoff.failed();
      this.dropLine();
      throw error;
    }
  }

  lineEnded(line, error) {
    if (this.line === line) this.line = null;
    this.tell("line_closed", { why: error.why });
  }

  dropLine() {
    this.line?.end("left");
    this.line = null;
  }

  async signOn(line) {
    const fields = { software: this.software, language: this.language };
    const offers = [];
    let after = 0;
    do {
      const reply = await this.askOnce(line, "SIGN_ON", { ...fields, offers_after: after });
      if (!this.catalogue.resultOf(reply.code).signs_on) throw new LineError("not_signed_on", reply.code);
      offers.push(...reply.offers);
      after = reply.offers_next;
      this.programme = { ...reply, offers };
    } while (after);
    const { last_stan } = this.programme;
    // This memory is behind what the switch has seen: what was under way when it was lost may still arrive.
    if (last_stan > this.memory.stan) this.memory.skipTo(last_stan + this.patience.stan_skip_after_loss);
    this.tell("signed_on", { programme: this.programme });
  }

  /** Receipts come in another language from now on. */
  speak(language) {
    this.language = language;
    return this.inTurn(async () => {
      if (this.line) await this.signOn(this.line);
    });
  }

  async askOnce(line, name, fields) {
    const type = this.catalogue.numberOf(name);
    const stan = this.memory.nextStan();
    return this.ask(line, type, this.catalogue.encodeBody(type, this.filled(stan, fields)), stan, this.patience.reply_s);
  }

  async ask(line, type, body, stan, wait) {
    this.tell("sent", { stan, type });
    const asked = line.ask(type, body, stan, wait);
    this.lastAsked = seconds();
    if (this.cutNext && this.catalogue.messageOf(type).posts) this.cut(line);
    const reply = await asked;
    this.tell("answered", { stan, type, code: reply.code, reply });
    return reply;
  }

  /** Cuts the line as soon as the request is out: its reply is lost, and whether it arrived nobody can tell. */
  cut(line) {
    this.cutNext = false;
    line.later(() => line.end("cut"));
  }

  /** Sends until there is a final answer. `isNew`: somebody waits, so the first try waits for no pause. */
  async exchange(type, body, stan, { isNew, repeat = false }) {
    const deadline = seconds() + this.patience.window_s;
    if (!isNew && !(await this.backoff.wait(deadline))) throw new NoAnswer("pausing");
    for (let tries = 0, why = ""; ; ) {
      let line = null;
      try {
        line = await this.readyLine(deadline);
        tries += 1;
        const sent = repeat ? type | this.catalogue.repeat_bit : type;
        const reply = await this.ask(line, sent, body, stan, Math.min(this.patience.reply_s, deadline - seconds()));
        if (!this.catalogue.isUndecided(type, reply.code)) {
          this.backoff.succeeded();
          return reply;
        }
        why = this.catalogue.resultOf(reply.code).name;
      } catch (error) {
        if (!(error instanceof LineError)) throw error;
        why = error.why;
      }
      // Where no line came about, that was noted as a failure already, and nothing was sent.
      if (line) {
        this.backoff.failed();
        repeat = true;
      }
      if (tries >= this.patience.tries_max || !(await this.backoff.wait(deadline))) throw new NoAnswer(why);
    }
  }

  /** Keeps an idle line up; a line that fails is dropped, and the next request makes a new one. */
  keepAlive() {
    if (!this.line || seconds() - this.lastAsked < this.patience.echo_after_s) return;
    this.inTurn(async () => {
      if (this.line) await this.askOnce(this.line, "ECHO", {});
    }).catch(() => {});
  }

  /** Goes home: nothing is sent from now on. */
  leave() {
    this.isOver = true;
    this.dropLine();
  }
}
