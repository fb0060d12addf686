// What the wire's names and numbers mean. They come as JSON from the declarations of protocol/ (wire.json): nothing
// here is typed a second time.

import { decode, encode } from "./msgpack.js";

export class Catalogue {
  constructor(json) {
    Object.assign(this, json);
    this.numbers = new Map();
    for (const [number, message] of Object.entries(json.messages)) {
      if (message.kind !== "reply") this.numbers.set(message.name, Number(number));
    }
  }

  static async load() {
    return new Catalogue(await (await fetch("wire.json")).json());
  }

  /** The type byte of a request or a handshake message by name. */
  numberOf(name) {
    return this.numbers.get(name);
  }

  /** What a type byte names, its repeat bit aside; undefined if nothing. */
  messageOf(type) {
    const message = this.messages[type & this.reply_bit ? type : type & ~this.repeat_bit];
    return type & this.repeat_bit && message?.kind !== "request" ? undefined : message;
  }

  isRepeat(type) {
    return !(type & this.reply_bit) && Boolean(type & this.repeat_bit);
  }

  encodeBody(type, fields) {
    return encode({ message: this.messageOf(type).fields }, fields);
  }

  decodeBody(type, body) {
    return decode({ message: this.messageOf(type).fields }, body);
  }

  /** A result code: one younger than this page is known by its range (SPEC.md, section 7). */
  resultOf(code) {
    const known = this.results[code];
    if (known) return known;
    const kind = code < 10 ? "approve" : code < 20 ? "retry" : code < 30 ? "fault" : "decline";
    return { name: String(code), class: kind, signs_on: kind === "approve", pl: String(code), en: String(code) };
  }

  /** Whether the same request has to go again: not decided, or not known. */
  isUndecided(type, code) {
    const result = this.resultOf(code);
    return result.class === "retry" || (result.name === "SYSTEM_ERROR" && Boolean(this.messageOf(type).posts));
  }
}
