// The page: who it is, what is pressed, and what becomes of it. What a terminal does is terminal.js; what can be chosen
// is form.js; what a byte means is explain.js.

import { fromHex } from "./bytes.js";
import { Cards } from "./card.js";
import { Catalogue } from "./catalogue.js";
import { Form, FormError } from "./form.js";
import { LineError } from "./line.js";
import { Memory } from "./memory.js";
import { BodyError } from "./msgpack.js";
import { FramesPane, HappeningsPane, element, find, paper } from "./panes.js";
import { Abandoned, Terminal } from "./terminal.js";
import { TEXTS } from "./texts.js";
import { checkVectors, parseExactly } from "./vectors.js";

const KEEP_ALIVE_MS = 10_000;
const LANGUAGE = "cityswitch language";
const SALES = ["EARN", "REDEEM", "BENEFIT_USE"];

class Page {
  constructor(catalogue, guide) {
    Object.assign(this, { catalogue, guide });
    const cards = new Cards(catalogue);
    const known = new Set(guide.cities.flatMap((city) => city.cards.map(({ track_2 }) => cards.digitsOf(track_2))));
    this.frames = new FramesPane(find("frames"), catalogue, (text) => known.has(cards.digitsOf(text)));
    this.happenings = new HappeningsPane(find("happenings"));
    const chosen = localStorage.getItem(LANGUAGE) ?? navigator.language.slice(0, 2);
    this.language = chosen in TEXTS ? chosen : "en";
    this.state = "off_line";
    this.busy = 0;
    find("city").replaceChildren(...guide.cities.map(({ name, code }) => element("option", { value: code, textContent: name })));
    this.form = new Form(catalogue, cards, () => this);
  }

  get words() {
    return TEXTS[this.language];
  }

  get city() {
    return this.guide.cities[find("city").selectedIndex];
  }

  get programme() {
    return this.terminal?.programme;
  }

  get sales() {
    return this.terminal?.memory.sales ?? [];
  }

  async start() {
    this.say(this.language);
    find("receipt").textContent = this.words.no_receipt;
    find("city").addEventListener("change", () => this.enter());
    find("language").addEventListener("change", (event) => this.changeLanguage(event.target.value));
    find("cut").addEventListener("change", (event) => this.terminal && (this.terminal.cutNext = event.target.checked));
    find("clear").addEventListener("click", () => this.frames.clear());
    find("vectors").addEventListener("click", () => this.checkVectors());
    find("till").addEventListener("submit", (event) => event.preventDefault());
    find("till").addEventListener("change", () => this.showButtons());
    for (const button of document.querySelectorAll("[data-operation]")) {
      button.addEventListener("click", () => this.operate(button.dataset.operation));
    }
    setInterval(() => this.terminal?.keepAlive(), KEEP_ALIVE_MS);
    await this.enter();
  }

  // Words

  say(language) {
    this.language = language;
    localStorage.setItem(LANGUAGE, language);
    document.documentElement.lang = language;
    document.title = `cityswitch: ${this.words.title}`;
    find("language").value = language;
    for (const place of document.querySelectorAll("[data-text]")) place.textContent = this.words[place.dataset.text];
    for (const button of document.querySelectorAll("[data-operation]")) {
      button.textContent = this.words.operations[button.dataset.operation];
    }
    this.form.fill();
    this.showState(this.state);
  }

  async changeLanguage(language) {
    this.say(language);
    await this.guarded(() => this.terminal?.speak(language));
  }

  // Who we are

  /** Becomes the city's terminal: alone among this browser's tabs, for one terminal has one connection. */
  async enter() {
    this.terminal?.leave();
    this.release?.();
    this.terminal = null;
    this.showState("off_line");
    const { terminal, generation, key } = this.city;
    find("terminal").textContent = terminal;
    find("original-terminal").value = terminal;
    find("original-stan").value = "";
    this.form.fill();
    if (!(await this.lock(`cityswitch terminal ${terminal}`))) {
      this.complain(this.words.elsewhere);
      return;
    }
    this.complain("");
    const { catalogue, language } = this;
    const made = new Terminal({
      url: `ws://${location.host}/wire`,
      catalogue,
      language,
      identity: { terminal, generation, key: fromHex(key) },
      memory: new Memory(terminal),
      software: this.guide.software,
      tell: (event, details) => this.terminal === made && this.happened(event, details),
    });
    this.terminal = made;
    made.cutNext = find("cut").checked;
    this.form.fillSales();
    await this.guarded(() => made.start());
  }

  /** Holds a name among the tabs until `release`; returns whether it was free. */
  lock(name) {
    return new Promise((resolve) => {
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise((release) => (this.release = release));
      });
    });
  }

  // What happens

  happened(event, details) {
    if (event === "frame") {
      this.frames.add(details, this.words, this.language);
      return;
    }
    const told = { ...details };
    if (details.type !== undefined) {
      told.name = this.catalogue.messageOf(details.type).name;
      told.repeat = this.catalogue.isRepeat(details.type);
    }
    if (details.code !== undefined) told.result = this.catalogue.resultOf(details.code);
    this.happenings.add(this.words.events[event](told));
    if (event === "line_opening") this.showState("connecting");
    if (event === "line_closed") this.showState("off_line");
    if (event === "sent") find("cut").checked = this.terminal.cutNext;
    if (event === "signed_on") {
      this.form.fillProgramme();
      this.showState("on_line");
    }
    if (event === "settled") {
      this.print(details.stan, details.reply);
      this.remember(told.name, details.stan, details.reply);
    }
  }

  showState(state) {
    this.state = state;
    find("state").textContent = this.words[state];
    find("state").dataset.state = state;
    this.showButtons();
  }

  /** What is not served here, or has nothing to choose, cannot be pressed. */
  showButtons() {
    for (const button of document.querySelectorAll("[data-operation]")) {
      const name = button.dataset.operation;
      const isServed = this.programme?.operations.includes(this.catalogue.numberOf(name));
      button.disabled = !isServed || !this.form.hasChoice(name);
      button.setAttribute("aria-busy", String(this.busy > 0));
    }
  }

  complain(text) {
    find("said").textContent = text;
  }

  /** Does some work of the terminal's; what goes wrong is said, never thrown. */
  async guarded(work) {
    this.busy += 1;
    this.showButtons();
    try {
      return await work();
    } catch (error) {
      this.tellProblem(error);
      return undefined;
    } finally {
      this.busy -= 1;
      this.showButtons();
    }
  }

  tellProblem(error) {
    const { events } = this.words;
    if (error instanceof FormError) {
      this.complain(this.words[error.word]);
      find(error.field).focus();
    } else if (error instanceof BodyError) {
      this.complain(this.words.cannot_send);
    } else if (error instanceof Abandoned || error instanceof LineError) {
      const text = error instanceof Abandoned ? events.abandoned(error) : events.failed(error);
      this.complain(text);
      this.happenings.add(text);
    } else {
      throw error;
    }
  }

  // What is pressed

  /** One press of a button. A second one while it is under way is dropped: nobody pays twice for a double click. */
  async operate(name) {
    if (this.busy) return;
    this.complain("");
    const { terminal } = this;
    const posts = this.catalogue.messageOf(this.catalogue.numberOf(name)).posts;
    const reply = await this.guarded(() => {
      const fields = this.form.fieldsOf(name);
      return posts ? terminal.post(name, fields) : terminal.inquire(name, fields);
    });
    if (!reply || terminal !== this.terminal) return;
    this.print(reply.stan, reply);
    this.frames.openNewest();
    if (name === "VERIFY") this.form.verify(this.isApproved(reply) ? reply : null);
    else this.remember(name, reply.stan, reply);
    this.showButtons();
  }

  isApproved(reply) {
    return this.catalogue.resultOf(reply.code).class === "approve";
  }

  /** Notes a sale, so that it can be given back. */
  remember(name, stan, reply) {
    if (!SALES.includes(name) || !this.isApproved(reply)) return;
    this.terminal.memory.addSale({ stan, name, amount: Number(reply.amount_grosze) });
    this.form.saleMade(stan);
  }

  /** Prints what the switch said; of a STATUS the reply that it found. */
  print(stan, reply) {
    const told = reply.original ?? reply;
    const result = this.catalogue.resultOf(told.code);
    const partner = this.programme?.partner_name ?? "";
    const numbers = { partner, terminal: this.city.terminal, stan: told.stan ?? stan };
    find("receipt").textContent = paper(told.receipt || this.catalogue.resultOf(reply.code)[this.language], numbers);
    Object.assign(find("receipt").dataset, { stan: numbers.stan, result: result.name });
  }

  async checkVectors() {
    const text = await (await fetch("vectors.json")).text();
    const { checked, wrong } = await checkVectors(this.catalogue, parseExactly(text));
    find("vectors-said").textContent = wrong.length ? this.words.vectors_wrong(checked, wrong) : this.words.vectors_right(checked);
  }
}

const guide = await (await fetch("till.json")).json();
await new Page(await Catalogue.load(), guide).start();
