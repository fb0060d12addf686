// What the page shows of the terminal's doings: the printed receipt, what happened, the frames on the wire.

import { explain } from "./explain.js";

const COLUMNS = 32; // of 58 mm paper
const FRAMES_MAX = 60;
const LINES_MAX = 200;

export const find = (id) => document.getElementById(id);

/** Makes an element with a text or children; nothing on this page is made from markup. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** The receipt as the terminal's printer would show it: the shop's sign, terminal and STAN above the switch's text. */
export function paper(receipt, { partner, terminal, stan }) {
  const lines = (text) => text.split("\n").flatMap(wrapped);
  const centred = lines(partner).map((line) => " ".repeat((COLUMNS - [...line].length) >> 1) + line);
  const numbers = `Terminal ${terminal}`.padEnd(COLUMNS - 11) + `STAN ${String(stan).padStart(6, "0")}`;
  return [...centred, numbers, "-".repeat(COLUMNS), ...lines(receipt)].join("\n");
}

/** A text in lines no wider than the paper, parted at spaces where there are any. */
function wrapped(text) {
  const lines = [];
  let rest = [...text];
  while (rest.length > COLUMNS) {
    const space = rest.lastIndexOf(" ", COLUMNS);
    const end = space > 0 ? space : COLUMNS;
    lines.push(rest.slice(0, end).join(""));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...lines, rest.join("")];
}

export class FramesPane {
  /** `isDemoCard(text)`: whether the digits of a card text may be shown. */
  constructor(place, catalogue, isDemoCard) {
    Object.assign(this, { place, catalogue, isDemoCard });
  }

  clear() {
    this.place.replaceChildren();
  }

  add({ sent, frame }, words, language) {
    const told = explain(this.catalogue, frame, this.isDemoCard, language);
    const marks = [told.isRepeat && words.repeat, told.isReply && words.reply].filter(Boolean);
    const [arrow, direction] = sent ? ["→", words.sent_frame] : ["←", words.received_frame];
    const named = [told.name, ...marks].join(", ");
    const number = told.type.toString(16).padStart(2, "0");
    const summary = element("summary", {}, element("b", { textContent: `${arrow} ${named}` }), ` 0x${number} · ${direction} · ${words.byte_count(told.size)}`);
    const shown = element("details", { className: sent ? "sent" : "received" }, summary, scrolled(table(told.rows, words), named));
    shown.dataset.name = told.name;
    shown.dataset.type = String(told.type);
    shown.dataset.hex = told.rows.map(({ bytes }) => bytes).join("");
    this.place.prepend(shown);
    while (this.place.children.length > FRAMES_MAX) this.place.lastElementChild.remove();
  }

  /** Opens the newest frame of each kind that somebody may want to look at first. */
  openNewest() {
    for (const shown of this.place.children) shown.open = false;
    for (const shown of [...this.place.children].slice(0, 2)) shown.open = true;
  }
}

function scrolled(content, name) {
  const place = element("div", { className: "scroll", tabIndex: 0 }, content);
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", name);
  return place;
}

function table(rows, words) {
  const head = element("tr", {}, ...[words.offset, words.bytes, words.field, words.value].map((text) => element("th", { scope: "col", textContent: text })));
  const lines = rows.map(({ at, bytes, name, value }) =>
    element(
      "tr", {},
      element("td", { textContent: String(at) }),
      element("td", { className: "bytes", textContent: bytes }),
      element("td", { textContent: name }),
      element("td", { className: "value", textContent: value }),
    ),
  );
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines));
}

export class HappeningsPane {
  constructor(place) {
    this.place = place;
  }

  add(text) {
    const clock = new Date().toTimeString().slice(0, 8);
    this.place.append(element("li", { textContent: `${clock}  ${text}` }));
    while (this.place.children.length > LINES_MAX) this.place.firstElementChild.remove();
    this.place.parentElement.scrollTop = this.place.scrollHeight;
  }
}
