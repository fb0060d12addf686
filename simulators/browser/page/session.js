// A terminal's half of a session (SPEC.md, sections 2 to 5): frames, the handshake, keys, tags. No socket, clock or
// chance in here: bytes and a nonce come in, bytes go out. HMAC and SHA-256 are the browser's own (WebCrypto).

import { bigEndian, concat, isSameSecret, utf8 } from "./bytes.js";
import { BodyError } from "./msgpack.js";

/** The connection has to be closed, for one of SPEC.md's reasons. */
export class CloseError extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

const HEADER = 4;

export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

export async function mac(key, ...parts) {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, hmac, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(hmac, imported, concat(...parts)));
}

/** HKDF-SHA256 as section 3 writes it out; `t1` is SHA256(HELLO ‖ CHALLENGE). */
export async function deriveKeys(terminalKey, clientNonce, serverNonce, t1) {
  const prk = await mac(concat(clientNonce, serverNonce), terminalKey);
  const expand = (label) => mac(prk, utf8(`cityswitch 1 ${label}`), t1, Uint8Array.of(1));
  const [clientFinish, serverFinish, clientData, serverData, keyWrap] = await Promise.all(
    ["client finish", "server finish", "client data", "server data", "key wrap"].map(expand),
  );
  return { prk, clientFinish, serverFinish, clientData, serverData, keyWrap };
}

/** The new key of a KEY_CHANGE reply (section 3); throws where it is not one for this session. */
export async function unwrapKey(keyWrap, terminal, generation, wrapped) {
  const key = await crypto.subtle.importKey("raw", keyWrap, "AES-GCM", false, ["decrypt"]);
  const bound = concat(utf8("cityswitch 1 key wrap"), bigEndian(terminal, 4), bigEndian(generation, 2));
  const how = { name: "AES-GCM", iv: wrapped.subarray(0, 12), additionalData: bound, tagLength: 128 };
  return new Uint8Array(await crypto.subtle.decrypt(how, key, wrapped.subarray(12)));
}

export function plainFrame(version, type, body) {
  return concat(bigEndian(2 + body.length, 2), Uint8Array.of(version, type), body);
}

export async function sealedFrame(key, sequence, version, type, body, tagSize) {
  const whole = concat(bigEndian(2 + body.length + tagSize, 2), Uint8Array.of(version, type), body);
  const tag = await mac(key, bigEndian(sequence, 8), whole);
  return concat(whole, tag.subarray(0, tagSize));
}

/** First 8 bytes of SHA-256(message number ‖ body), signed: what the switch keeps of a request (section 6). */
export async function digestOf(number, body) {
  const hash = await sha256(Uint8Array.of(number), body);
  return new DataView(hash.buffer).getBigInt64(0);
}

const NEXT = {
  wait_challenge: { CHALLENGE: "wait_accept" },
  wait_accept: { ACCEPT: "open" },
  open: { reply: "open" },
};

export class Session {
  /** `key` and `nonce` have 32 bytes; the nonce is fresh for every connection. */
  constructor(catalogue, { terminal, generation, key, nonce }) {
    this.catalogue = catalogue;
    this.state = "wait_challenge";
    this.buffer = new Uint8Array();
    this.sent = 0;
    this.received = 0;
    this.key = key;
    this.nonce = nonce;
    this.hello = this.handshakeFrame("HELLO", { versions: [catalogue.version], terminal, generation, nonce });
  }

  handshakeFrame(name, fields) {
    const type = this.catalogue.numberOf(name);
    return plainFrame(this.catalogue.version, type, this.catalogue.encodeBody(type, fields));
  }

  /**
   * Takes bytes, however they are cut; one call at a time. Returns what they complete: {frame, type, message, answer},
   * where `answer` is a frame to send at once. Throws CloseError, and the session is over.
   */
  async receive(bytes) {
    this.buffer = concat(this.buffer, bytes);
    const taken = [];
    for (let end = this.frameEnd(); end; end = this.frameEnd()) {
      const frame = this.buffer.slice(0, end);
      this.buffer = this.buffer.slice(end);
      taken.push(this.state === "open" ? await this.takeData(frame) : await this.takeHandshake(frame));
    }
    return taken;
  }

  /** Where the first frame ends, or 0 while it is not whole; its length is judged as soon as it is there. */
  frameEnd() {
    if (this.buffer.length < 2) return 0;
    const { limits } = this.catalogue;
    const [least, most] =
      this.state === "open" ? [HEADER + 1 + limits.tag, limits.frame_max] : [HEADER + 1, limits.frame_unauthenticated_max];
    const size = 2 + this.buffer[0] * 256 + this.buffer[1];
    if (size < least || size > most) throw new CloseError("frame_size");
    return size <= this.buffer.length ? size : 0;
  }

  /** The state after a frame of this version and type. */
  step(frame) {
    if (frame[2] !== this.catalogue.version) throw new CloseError("version");
    const message = this.catalogue.messageOf(frame[3]);
    if (!message || message.from !== "switch") throw new CloseError("type");
    const next = NEXT[this.state][message.kind === "reply" ? "reply" : message.name];
    if (!next) throw new CloseError("state");
    return next;
  }

  fieldsOf(type, body) {
    try {
      return this.catalogue.decodeBody(type, body).value;
    } catch (error) {
      throw error instanceof BodyError ? new CloseError("body") : error;
    }
  }

  async takeHandshake(frame) {
    const next = this.step(frame);
    const message = this.fieldsOf(frame[3], frame.subarray(HEADER));
    const answer = next === "wait_accept" ? await this.prove(frame, message) : undefined;
    if (next === "open") await this.checkAccept(message);
    this.state = next;
    return { frame, type: frame[3], message, answer };
  }

  async prove(frame, challenge) {
    if (challenge.version !== this.catalogue.version) throw new CloseError("version");
    this.sessionId = challenge.session_id;
    this.t1 = await sha256(this.hello, frame);
    this.keys = await deriveKeys(this.key, this.nonce, challenge.nonce, this.t1);
    this.proof = this.handshakeFrame("PROOF", { mac: await mac(this.keys.clientFinish, this.t1) });
    this.t2 = await sha256(this.hello, frame, this.proof);
    return this.proof;
  }

  /** Only a switch that knows the terminal's key may be sent a card. */
  async checkAccept(accept) {
    const right = await mac(this.keys.serverFinish, this.t2);
    if (!isSameSecret(right, accept.mac)) throw new CloseError("key");
  }

  /** The tag before anything else of a data frame. */
  async takeData(frame) {
    const size = this.catalogue.limits.tag;
    const whole = frame.subarray(0, frame.length - size);
    const tag = (await mac(this.keys.serverData, bigEndian(this.received, 8), whole)).subarray(0, size);
    if (!isSameSecret(tag, frame.subarray(frame.length - size))) throw new CloseError("tag");
    this.received += 1;
    this.step(frame);
    return { frame, type: frame[3], message: this.fieldsOf(frame[3], whole.subarray(HEADER)) };
  }

  /** The next data frame to the switch: a stored body byte for byte, `type` with the repeat bit if sent before. */
  async seal(type, body) {
    const { version, limits } = this.catalogue;
    const sequence = this.sent;
    this.sent += 1;
    return sealedFrame(this.keys.clientData, sequence, version, type, body, limits.tag);
  }
}
