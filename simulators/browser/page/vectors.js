// Holds this page's wire to protocol/vectors.json, both ways: fields to bytes and bytes to fields. A vendor's first
// test, too. Of the frames to be refused, those that a terminal refuses are tried; the others are a switch's matter.

import { concat, fromHex, hex, isSame } from "./bytes.js";
import { Cards } from "./card.js";
import { CloseError, Session, digestOf, plainFrame, sealedFrame, unwrapKey } from "./session.js";

/** Numbers past 2^53 are BigInts: JSON.parse alone would round them. */
export function parseExactly(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && context?.source ? BigInt(context.source) : value,
  );
}

/** Returns {checked, wrong}: how many statements of the file were tried, and a line for each that does not hold. */
export async function checkVectors(catalogue, vectors) {
  const check = new Check(catalogue, vectors);
  await check.handshake();
  await check.keyChange();
  for (const row of vectors.requests) await check.request(row);
  for (const row of vectors.replies) await check.reply(row);
  for (const row of vectors.refused) await check.refused(row);
  const cards = new Cards(catalogue);
  for (const { text, digits } of vectors.cards) check.that(`card ${text.length}`, cards.digitsOf(text) === digits);
  return { checked: check.checked, wrong: check.wrong };
}

class Check {
  constructor(catalogue, vectors) {
    this.catalogue = catalogue;
    this.vectors = vectors;
    this.checked = 0;
    this.wrong = [];
  }

  that(name, holds) {
    this.checked += 1;
    if (!holds) this.wrong.push(name);
  }

  same(name, bytes, wanted) {
    this.that(name, hex(bytes) === wanted);
  }

  /** A session with the fixed key and nonce, brought to a state. */
  async session(state) {
    const given = this.vectors.handshake;
    const session = new Session(this.catalogue, {
      terminal: given.terminal,
      generation: given.generation,
      key: fromHex(given.terminal_key),
      nonce: fromHex(given.client_nonce),
    });
    if (state !== "wait_challenge") await session.receive(fromHex(given.challenge_frame));
    if (state === "open") await session.receive(fromHex(given.accept_frame));
    return session;
  }

  async handshake() {
    const given = this.vectors.handshake;
    const session = await this.session("wait_challenge");
    this.same("HELLO", session.hello, given.hello_frame);
    const [challenge] = await session.receive(fromHex(given.challenge_frame));
    this.same("session id", challenge.message.session_id, given.session_id);
    this.same("server nonce", challenge.message.nonce, given.server_nonce);
    this.same("T1", session.t1, given.t1);
    this.same("PRK", session.keys.prk, given.prk);
    const names = { clientFinish: "client_finish", serverFinish: "server_finish", clientData: "client_data", serverData: "server_data", keyWrap: "key_wrap" };
    for (const [ours, theirs] of Object.entries(names)) this.same(theirs, session.keys[ours], given.keys[theirs]);
    this.same("PROOF", challenge.answer, given.proof_frame);
    this.same("T2", session.t2, given.t2);
    await session.receive(fromHex(given.accept_frame));
    this.that("ACCEPT", session.state === "open");
    const numbers = { hello_frame: "HELLO", challenge_frame: "CHALLENGE", proof_frame: "PROOF", accept_frame: "ACCEPT" };
    for (const [frame, name] of Object.entries(numbers)) this.roundTrip(name, fromHex(given[frame]));
  }

  /** A handshake frame decoded and encoded again is the same. */
  roundTrip(name, frame) {
    const type = this.catalogue.numberOf(name);
    const { value } = this.catalogue.decodeBody(type, frame.subarray(4));
    const again = plainFrame(this.catalogue.version, type, this.catalogue.encodeBody(type, value));
    this.that(`${name} both ways`, isSame(again, frame));
  }

  async keyChange() {
    const given = this.vectors.key_change;
    const { terminal } = this.vectors.handshake;
    const key = await unwrapKey(fromHex(given.key_wrap), terminal, 2, fromHex(given.wrapped));
    this.same("a wrapped key", key, given.new_key);
  }

  async request(row) {
    const { catalogue } = this;
    const body = fromHex(row.body);
    this.fieldsAre(row);
    // The cases in other than the shortest form are there to be read: nobody sends them.
    const isShortest = body.length === catalogue.encodeBody(row.type, this.wireFields(row)).length;
    if (isShortest) this.same(`${row.name}: body`, catalogue.encodeBody(row.type, this.wireFields(row)), row.body);
    const key = fromHex(this.vectors.handshake.keys.client_data);
    const frame = await sealedFrame(key, row.sequence, catalogue.version, row.type, body, catalogue.limits.tag);
    this.same(`${row.name}: frame`, frame, row.frame);
    const digest = await digestOf(row.type & ~catalogue.repeat_bit, body);
    this.that(`${row.name}: digest`, digest === BigInt(row.digest));
  }

  async reply(row) {
    this.fieldsAre(row);
    this.same(`${row.name}: body`, this.catalogue.encodeBody(row.type, this.wireFields(row)), row.body);
    const session = await this.session("open");
    session.received = row.sequence;
    const [taken] = await session.receive(fromHex(row.frame));
    this.that(`${row.name}: opened`, taken.type === row.type && plain(taken.message) === plain(row.fields));
  }

  fieldsAre(row) {
    const { value, rows } = this.catalogue.decodeBody(row.type, fromHex(row.body));
    this.that(`${row.name}: fields`, plain(value) === plain(row.fields));
    const covered = concat(...rows.map(({ at, end }) => fromHex(row.body).subarray(at, end)));
    this.same(`${row.name}: every byte explained`, covered, row.body);
  }

  /** The file's fields as the wire's: its bytes are hex there. */
  wireFields(row) {
    const types = Object.fromEntries(this.catalogue.messageOf(row.type).fields);
    const entries = Object.entries(row.fields);
    return Object.fromEntries(entries.map(([name, value]) => [name, types[name].bin ? fromHex(value) : value]));
  }

  /** A frame that a terminal has to close for. */
  async refused(row) {
    if (row.refused_by !== "terminal") return;
    const session = await this.session(row.state);
    let reason = "none";
    try {
      await session.receive(fromHex(row.bytes));
    } catch (error) {
      if (!(error instanceof CloseError)) throw error;
      reason = error.reason;
    }
    this.that(`refused, ${row.name}: ${reason}, not ${row.reason}`, reason === row.reason);
  }
}

/** Fields as a text that is the same for the same values. */
function plain(value) {
  return JSON.stringify(value, (_, item) =>
    typeof item === "bigint" ? `${item}n` : item instanceof Uint8Array ? hex(item) : item,
  );
}
