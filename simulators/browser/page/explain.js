// A frame taken apart for people: each piece of its bytes with offset, hex, name and meaning, as SPEC.md's last
// section has it. Cards are shown with their last four digits but for the demo's own, whose numbers are no secret.

import { hex } from "./bytes.js";
import { BodyError } from "./msgpack.js";

const HEADER = 4;

/** Returns {type, name, isRepeat, isReply, size, rows}: a row is {at, bytes: hex, name, value}. */
export function explain(catalogue, frame, mayShow, language) {
  const type = frame[3];
  const message = catalogue.messageOf(type);
  const tag = message && message.kind !== "handshake" ? catalogue.limits.tag : 0;
  const end = frame.length - tag;
  const row = (at, to, name, value) => ({ at, bytes: hex(frame.subarray(at, to)), name, value });
  const rows = [
    row(0, 2, "length", String(frame.length - 2)),
    row(2, 3, "version", String(frame[2])),
    row(3, 4, "type", typeText(catalogue, type, message)),
    ...bodyRows(catalogue, type, message, frame.subarray(HEADER, end), { mayShow, language }),
  ];
  if (tag) rows.push(row(end, frame.length, "tag", "HMAC-SHA256"));
  const isReply = message?.kind === "reply";
  return { type, name: message?.name ?? "?", isRepeat: catalogue.isRepeat(type), isReply, size: frame.length, rows };
}

function typeText(catalogue, type, message) {
  if (!message) return "?";
  if (message.kind === "reply") return `${message.name}, reply`;
  return catalogue.isRepeat(type) ? `${message.name}, repeat` : message.name;
}

function bodyRows(catalogue, type, message, body, how) {
  if (!message) return [{ at: HEADER, bytes: hex(body), name: "body", value: "?" }];
  let rows;
  try {
    rows = catalogue.decodeBody(type, body).rows;
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    rows = error.rows;
  }
  return rows.map(({ at, end, name, form, value }) => {
    const isCard = name === "card" && value !== undefined;
    const bytes = hex(body.subarray(at, end));
    const hidden = isCard && !how.mayShow(value);
    return {
      at: HEADER + at,
      bytes: hidden ? `${"··".repeat(end - at - 4)}${bytes.slice(-8)}` : bytes,
      name: name || "body",
      value: hidden ? `****${value.slice(-4)}` : valueText(catalogue, name, form, value, how.language),
    };
  });
}

/** A value, and what it means where it is a number that has a name. */
function valueText(catalogue, name, form, value, language) {
  if (value === undefined || value === null) return form;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const field = name.split(".").at(-1).replace(/\[.*/, "");
  const meaning = MEANINGS[field]?.(value, catalogue, language);
  return meaning ? `${value} = ${meaning}` : String(value);
}

const named = (names) => (value, catalogue) => names(catalogue)[value];
const bits = (value, catalogue) =>
  Object.entries(catalogue.checks).filter(([bit]) => value & Number(bit)).map(([, name]) => name).join(" + ");
const time = (ms) => new Date(ms).toISOString().replace("T", " ").replace(".000", "").replace("Z", " UTC");
const operation = (value, catalogue) => catalogue.messageOf(value)?.name;

const MEANINGS = {
  code: (value, catalogue, language) => {
    const result = catalogue.resultOf(value);
    return `${result.name} (${result.class}): ${result[language]}`;
  },
  entry: named((catalogue) => catalogue.entries),
  report: named((catalogue) => catalogue.reports),
  checks: bits,
  confirmed: bits,
  operation,
  operations: operation,
  terminal_time: (value) => time(value * 1000),
  server_time_ms: time,
  amount: (value, catalogue, language) => grosze(value, language),
  amount_grosze: (value, catalogue, language) => grosze(value, language),
  discount_grosze: (value, catalogue, language) => grosze(value, language),
};

/** Grosze as people write money: 4590 is 45,90 zł. */
export function grosze(value, language) {
  const whole = BigInt(value) < 0n ? -BigInt(value) : BigInt(value);
  const sign = BigInt(value) < 0n ? "−" : "";
  const point = language === "pl" ? "," : ".";
  return `${sign}${whole / 100n}${point}${String(whole % 100n).padStart(2, "0")} zł`;
}

/** What somebody keyed as grosze; null where it is no amount. */
export function groszeOf(text) {
  const found = /^\s*(-?)(\d{1,10})(?:[.,](\d{1,2}))?\s*$/.exec(text);
  if (!found) return null;
  const amount = Number(found[2]) * 100 + Number((found[3] ?? "").padEnd(2, "0"));
  return found[1] ? -amount : amount;
}
