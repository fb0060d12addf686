// The subset of msgpack that the wire uses (SPEC.md, section 2), by declared types: what is not declared is an
// error, never a value. A type is one of
//   {int: [low, high]}  {str: bytes, pattern?}  {bin: [low, high]}  {list: type, size: [low, high]}
//   {tuple: [type, …]}  {optional: type}  {message: [[name, type], …]}
// An int is a Number where that is exact, else a BigInt. A message is an object of its fields.

import { bigEndian, concat, textOf, utf8 } from "./bytes.js";

/** The bytes, or the value, are not what the type declares. */
export class BodyError extends Error {}

const NIL = 0xc0;
const bound = (limit) => (typeof limit === "string" ? BigInt(limit) : limit);
const exact = (big) => (big >= -(2n ** 53n) + 1n && big < 2n ** 53n ? Number(big) : big);

/** Returns the bytes of a value in msgpack's shortest forms. Throws BodyError for what the type does not allow. */
export function encode(type, value) {
  if (type.optional) return value === null ? Uint8Array.of(NIL) : encode(type.optional, value);
  if (type.int) return encodeInt(inRange(value, type.int));
  if (type.str) return encodeText(type, value);
  if (type.bin) {
    if (!(value instanceof Uint8Array)) throw new BodyError("not bytes");
    inRange(value.length, type.bin);
    return concat(Uint8Array.of(0xc4, value.length), value);
  }
  if (type.list) {
    inRange(value.length, type.size);
    return concat(arrayHead(value.length), ...value.map((item) => encode(type.list, item)));
  }
  if (type.tuple) {
    if (value.length !== type.tuple.length) throw new BodyError("another number of items");
    return concat(arrayHead(value.length), ...type.tuple.map((item, at) => encode(item, value[at])));
  }
  const fields = type.message.map(([name, of]) => encode(of, value[name]));
  return concat(arrayHead(fields.length), ...fields);
}

function inRange(value, [low, high]) {
  if (typeof value !== "bigint" && !Number.isSafeInteger(value)) throw new BodyError("not an integer");
  if (value < bound(low) || value > bound(high)) throw new BodyError("out of range");
  return value;
}

function arrayHead(count) {
  return count < 16 ? Uint8Array.of(0x90 | count) : concat(Uint8Array.of(0xdc), bigEndian(count, 2));
}

function encodeText(type, value) {
  if (typeof value !== "string") throw new BodyError("not a text");
  const bytes = utf8(value);
  checkText(type, value, bytes.length);
  if (bytes.length < 32) return concat(Uint8Array.of(0xa0 | bytes.length), bytes);
  if (bytes.length < 256) return concat(Uint8Array.of(0xd9, bytes.length), bytes);
  return concat(Uint8Array.of(0xda), bigEndian(bytes.length, 2), bytes);
}

function checkText(type, text, size) {
  if (size > type.str) throw new BodyError("a text is too long");
  if (type.pattern && !new RegExp(type.pattern, "u").test(text)) throw new BodyError("a text is not as declared");
}

function encodeInt(value) {
  if (value >= 0) {
    if (value < 0x80) return Uint8Array.of(Number(value));
    const [head, size] = value < 0x100 ? [0xcc, 1] : value < 0x10000 ? [0xcd, 2] : value < 2 ** 32 ? [0xce, 4] : [0xcf, 8];
    return concat(Uint8Array.of(head), bigEndian(value, size));
  }
  if (value >= -32) return Uint8Array.of(256 + Number(value));
  const [head, size] = value >= -0x80 ? [0xd0, 1] : value >= -0x8000 ? [0xd1, 2] : value >= -(2 ** 31) ? [0xd2, 4] : [0xd3, 8];
  return concat(Uint8Array.of(head), bigEndian(BigInt.asUintN(64, BigInt(value)), 8).subarray(8 - size));
}

/**
 * Reads the whole of `bytes` as one value of a type; any of msgpack's widths will do. Returns {value, rows}: a row
 * {at, end, name, form, value} for each piece of the bytes, in their order. Throws BodyError, which has the rows
 * up to the fault.
 */
export function decode(type, bytes) {
  const reader = new Reader(bytes);
  try {
    const value = reader.read(type, "");
    if (reader.at !== bytes.length) throw new BodyError("bytes after the array");
    return { value, rows: reader.rows };
  } catch (error) {
    if (error instanceof BodyError) error.rows = reader.rows;
    throw error;
  }
}

const INTS = {
  0xcc: ["uint 8", 1], 0xcd: ["uint 16", 2], 0xce: ["uint 32", 4], 0xcf: ["uint 64", 8],
  0xd0: ["int 8", 1], 0xd1: ["int 16", 2], 0xd2: ["int 32", 4], 0xd3: ["int 64", 8],
};
const TEXTS = { 0xd9: ["str 8", 1], 0xda: ["str 16", 2], 0xdb: ["str 32", 4] };
const BINS = { 0xc4: ["bin 8", 1], 0xc5: ["bin 16", 2], 0xc6: ["bin 32", 4] };
const ARRAYS = { 0xdc: ["array 16", 2], 0xdd: ["array 32", 4] };

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.rows = [];
  }

  read(type, name) {
    if (type.optional) return this.readOptional(type, name);
    if (type.int) return this.readInt(type, name);
    if (type.str) return this.readText(type, name);
    if (type.bin) return this.readBin(type, name);
    if (type.message) return this.readMessage(type, name);
    const size = type.list ? type.size : [type.tuple.length, type.tuple.length];
    const count = this.readHead(name, ARRAYS, 0x90, 16, "array");
    if (count < size[0] || count > size[1]) throw new BodyError("another number of items");
    const items = [];
    for (let n = 0; n < count; n += 1) items.push(this.read(type.list ?? type.tuple[n], `${name}[${n}]`));
    return items;
  }

  readOptional(type, name) {
    if (this.bytes[this.at] !== NIL) return this.read(type.optional, name);
    this.at += 1;
    this.note(this.at - 1, name, "nil", null);
    return null;
  }

  readMessage(type, name) {
    const count = this.readHead(name, ARRAYS, 0x90, 16, "array");
    if (count !== type.message.length) throw new BodyError("another number of fields");
    const found = {};
    for (const [field, of] of type.message) found[field] = this.read(of, name ? `${name}.${field}` : field);
    return found;
  }

  readInt(type, name) {
    const start = this.at;
    const head = this.take(1)[0];
    let form = "fixint";
    let value;
    if (head < 0x80) value = head;
    else if (head >= 0xe0) value = head - 256;
    else {
      if (!INTS[head]) throw new BodyError("not an integer");
      const [name_, size] = INTS[head];
      form = name_;
      const big = this.take(size).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      value = exact(head >= 0xd0 ? BigInt.asIntN(8 * size, big) : big);
    }
    this.note(start, name, form, value);
    return inRange(value, type.int);
  }

  readText(type, name) {
    const size = this.readHead(name, TEXTS, 0xa0, 32, "str");
    const start = this.at;
    const bytes = this.take(size);
    let text;
    try {
      text = textOf(bytes);
    } catch {
      throw new BodyError("not UTF-8");
    }
    if (size) this.note(start, name, "UTF-8", text);
    checkText(type, text, size);
    return text;
  }

  readBin(type, name) {
    const size = this.readHead(name, BINS, 0, 0, "bin");
    const start = this.at;
    const bytes = this.take(size).slice();
    if (size) this.note(start, name, "bytes", bytes);
    inRange(size, type.bin);
    return bytes;
  }

  /** Reads the head of what has a length; `fix` is the first of `few` heads that hold the length themselves. */
  readHead(name, wide, fix, few, kind) {
    const start = this.at;
    const head = this.take(1)[0];
    let form = `fix${kind}`;
    let count = head - fix;
    if (!few || count < 0 || count >= few) {
      if (!wide[head]) throw new BodyError(`not of the type ${kind}`);
      const [name_, size] = wide[head];
      form = name_;
      count = this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
    }
    this.note(start, name, `${form} of ${count}`, undefined);
    return count;
  }

  take(size) {
    if (this.at + size > this.bytes.length) throw new BodyError("cut short");
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  note(at, name, form, value) {
    this.rows.push({ at, end: this.at, name, form, value });
  }
}
