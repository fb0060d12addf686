// The page: its form, and who fills it. What a terminal does is terminal.js; what a byte means is explain.js.

import { fromHex } from "./bytes.js";
import { Cards } from "./card.js";
import { Catalogue } from "./catalogue.js";
import { grosze, groszeOf } from "./explain.js";
import { LineError } from "./line.js";
import { Memory } from "./memory.js";
import { BodyError } from "./msgpack.js";
import { FramesPane, HappeningsPane, element, paper } from "./panes.js";
import { Abandoned, Terminal } from "./terminal.js";
import { TEXTS } from "./texts.js";
import { checkVectors, parseExactly } from "./vectors.js";

const OTHER = "other";
const KEEP_ALIVE_MS = 10_000;
const LANGUAGE = "cityswitch language";
const find = (id) => document.getElementById(id);

/** What is asked of the form is not there: `word` says what, `field` where. */
class FormError extends Error {
  constructor(word, field) {
    super(word);
    Object.assign(this, { word, field });
  }
}

class Page {
  constructor(catalogue, guide) {
    Object.assign(this, { catalogue, guide });
    this.cards = new Cards(catalogue);
    const known = new Set(guide.cities.flatMap(({ cards }) => cards.map(({ track_2 }) => this.cards.digitsOf(track_2))));
    this.frames = new FramesPane(find("frames"), catalogue, (text) => known.has(this.cards.digitsOf(text)));
    this.happenings = new HappeningsPane(find("happenings"));
    const chosen = localStorage.getItem(LANGUAGE) ?? (navigator.language.startsWith("pl") ? "pl" : "en");
    this.language = chosen in TEXTS ? chosen : "en";
    this.verified = null;
    this.state = "off_line";
    this.busy = 0;
  }

  get words() {
    return TEXTS[this.language];
  }

  get city() {
    return this.guide.cities[find("city").selectedIndex];
  }

  async start() {
    find("city").replaceChildren(...this.guide.cities.map(({ name, code }) => element("option", { value: code, textContent: name })));
    this.say(this.language);
    find("city").addEventListener("change", () => this.enter());
    find("language").addEventListener("change", (event) => this.changeLanguage(event.target.value));
    find("card").addEventListener("change", () => this.chooseCard());
    find("entry").addEventListener("change", () => this.forgetVerified());
    find("typed").addEventListener("keydown", (event) => this.readCard(event));
    find("cut").addEventListener("change", (event) => (this.terminal.cutNext = event.target.checked));
    find("clear").addEventListener("click", () => this.frames.clear());
    find("vectors").addEventListener("click", () => this.checkVectors());
    find("till").addEventListener("submit", (event) => event.preventDefault());
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
    this.fillCards();
    this.fillEntries();
    this.fillChecks();
    this.fillSales();
    this.showState(this.state);
    this.showProgramme();
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
    this.forgetVerified();
    const { terminal, generation, key } = this.city;
    find("terminal").textContent = terminal;
    find("original-terminal").value = terminal;
    this.fillCards();
    this.showProgramme();
    if (!(await this.lock(`cityswitch terminal ${terminal}`))) {
      this.complain(this.words.elsewhere);
      return;
    }
    this.complain("");
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/wire`;
    const { catalogue, language } = this;
    const identity = { terminal, generation, key: fromHex(key) };
    const memory = new Memory(terminal);
    const made = new Terminal({
      url, catalogue, identity, memory, language, software: this.guide.software,
      tell: (event, details) => this.terminal === made && this.happened(event, details),
    });
    this.terminal = made;
    made.cutNext = find("cut").checked;
    this.fillSales();
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
      this.showState("on_line");
      this.showProgramme();
    }
    if (event === "settled") this.settled(details);
  }

  settled({ stan, type, reply }) {
    this.print(stan, reply);
    this.remember(this.catalogue.messageOf(type).name, stan, reply);
  }

  showState(state) {
    this.state = state;
    find("state").textContent = this.words[state];
    find("state").dataset.state = state;
    this.showButtons();
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
      const { events } = this.words;
      if (error instanceof Abandoned) this.tellProblem(events.abandoned(error));
      else if (error instanceof LineError) this.tellProblem(events.failed(error));
      else if (error instanceof BodyError) this.complain(this.words.cannot_send);
      else if (error instanceof FormError) this.complainAt(error);
      else throw error;
      return undefined;
    } finally {
      this.busy -= 1;
      this.showButtons();
    }
  }

  tellProblem(text) {
    this.complain(text);
    this.happenings.add(text);
  }

  complainAt({ word, field }) {
    this.complain(this.words[word]);
    find(field).focus();
  }

  // The form

  fillCards() {
    const kept = find("card").value;
    const { cards, holders } = this.words;
    const options = this.city.cards.map(({ state, holder, track_2 }) => {
      const kind = holder.length ? `, ${holder.map((code) => holders[code] ?? code).join(" + ")}` : "";
      return element("option", { value: track_2, textContent: `${this.cards.digitsOf(track_2)} (${cards[state] ?? state}${kind})` });
    });
    find("card").replaceChildren(...options, element("option", { value: OTHER, textContent: this.words.other_card }));
    if ([...find("card").options].some(({ value }) => value === kept)) find("card").value = kept;
    this.chooseCard();
  }

  chooseCard() {
    const isOther = find("card").value === OTHER;
    find("typed-row").hidden = !isOther;
    if (!isOther) find("typed").value = "";
    this.forgetVerified();
  }

  /** A keyboard reader types what it reads and ends with Enter: that is a swipe, and the amount is next. */
  readCard(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const isSwipe = /[;=?]/.test(find("typed").value);
    const mode = isSwipe ? "SWIPED" : "KEYED";
    find("entry").value = Object.entries(this.catalogue.entries).find(([, name]) => name === mode)[0];
    this.forgetVerified();
    find("amount").select();
  }

  fillEntries() {
    const kept = find("entry").value;
    const allowed = this.terminal?.programme?.entries ?? this.catalogue.entries_all;
    const options = Object.entries(this.catalogue.entries).map(([mode, name]) => {
      const mark = allowed & (1 << Number(mode)) ? "" : " ✗";
      return element("option", { value: mode, textContent: this.words.entries[name] + mark });
    });
    find("entry").replaceChildren(...options);
    if (kept) find("entry").value = kept;
  }

  fillChecks() {
    const seen = this.confirmed();
    const boxes = Object.entries(this.catalogue.checks).map(([bit, name]) => {
      const box = element("input", { type: "checkbox", value: bit, checked: Boolean(seen & Number(bit)) });
      return element("label", { className: "inline" }, box, this.words.checks[name]);
    });
    find("confirmed").replaceChildren(find("confirmed").firstElementChild, ...boxes);
  }

  confirmed() {
    const boxes = [...find("confirmed").querySelectorAll("input:checked")];
    return boxes.reduce((bits, { value }) => bits | Number(value), 0);
  }

  /** What the programme has here, as SIGN_ON told: tiers, offers, operations. */
  showProgramme() {
    const programme = this.terminal?.programme;
    const tiers = programme?.tiers ?? [];
    const tierText = ([points, value]) => `${points} = ${grosze(value, this.language)}`;
    this.choose("tier", tiers.map((tier) => [tier[0], tierText(tier)]));
    this.fillOffers();
    this.fillEntries();
    this.showButtons();
  }

  /** All offers of the shop, or of a card that was verified those that hold for it. */
  fillOffers() {
    const offers = this.terminal?.programme?.offers ?? [];
    const names = new Map(offers.map(([number, , name]) => [number, name]));
    const left = (remaining) => (remaining < 0 ? this.words.no_limit : this.words.left(remaining));
    const rows = this.verified
      ? this.verified.benefits.map(([number, remaining]) => [number, `${number}: ${names.get(number) ?? ""} (${left(remaining)})`])
      : offers.map(([number, , name]) => [number, `${number}: ${name}`]);
    this.choose("offer", rows);
  }

  choose(id, rows) {
    const kept = find(id).value;
    const shown = rows.length ? rows : [["", this.words.none]];
    find(id).replaceChildren(...shown.map(([value, text]) => element("option", { value: String(value), textContent: text })));
    if (rows.some(([value]) => String(value) === kept)) find(id).value = kept;
  }

  forgetVerified() {
    this.verified = null;
    this.fillOffers();
  }

  showButtons() {
    const programme = this.terminal?.programme;
    for (const button of document.querySelectorAll("[data-operation]")) {
      const name = button.dataset.operation;
      const isServed = programme?.operations.includes(this.catalogue.numberOf(name));
      const hasChoice = (name !== "REDEEM" || find("tier").value) && (name !== "BENEFIT_USE" || find("offer").value);
      button.disabled = !isServed || !hasChoice;
      button.setAttribute("aria-busy", String(this.busy > 0));
    }
  }

  fillSales() {
    const sales = this.terminal?.memory.sales ?? [];
    const text = ({ stan, name, amount }) => this.words.sale_of(stan, this.words.operations[name] ?? name, grosze(amount, this.language));
    find("sales").replaceChildren(...sales.map((sale) => element("option", { value: String(sale.stan), textContent: text(sale) })));
  }

  // What is asked

  cardText() {
    const chosen = find("card").value;
    const text = chosen === OTHER ? find("typed").value : chosen;
    if (!text.trim() || new TextEncoder().encode(text).length > this.catalogue.limits.card_bytes) throw new FormError("wrong_card", "typed");
    return text;
  }

  amount() {
    const amount = groszeOf(find("amount").value);
    if (amount === null) throw new FormError("wrong_amount", "amount");
    return amount;
  }

  number(id) {
    const text = find(id).value.trim();
    if (!/^[1-9]\d{0,9}$/.test(text)) throw new FormError("wrong_original", id);
    return Number(text);
  }

  /** The fields of a request, from the form; a card's digits typed stay a card's. */
  fieldsOf(name) {
    const card = { card: this.cardText(), entry: Number(find("entry").value) };
    switch (name) {
      case "BALANCE": return card;
      case "VERIFY": return { ...card, offers_after: 0 };
      case "EARN": return { ...card, amount: this.amount() };
      case "REDEEM": return { ...card, tier: Number(find("tier").value), amount: this.amount() };
      case "BENEFIT_USE": return { ...card, offer: Number(find("offer").value), amount: this.amount(), confirmed: this.confirmed() };
      case "REFUND": return { ...card, original_terminal: this.number("original-terminal"), original_stan: this.number("original-stan"), amount: this.amount() };
      default: return { ...card, original_stan: this.number("original-stan") };
    }
  }

  /** One press of a button. A second press while it is under way is dropped: nobody pays twice for a double click. */
  async operate(name) {
    if (this.busy) return;
    this.complain("");
    const { terminal } = this;
    const reply = await this.guarded(() => {
      const fields = this.fieldsOf(name);
      return this.catalogue.messageOf(this.catalogue.numberOf(name)).posts ? terminal.post(name, fields) : terminal.inquire(name, fields);
    });
    if (!reply || terminal !== this.terminal) return;
    this.print(reply.stan, reply);
    this.frames.openNewest();
    if (name === "VERIFY") {
      this.verified = this.catalogue.resultOf(reply.code).class === "approve" ? reply : null;
      this.fillOffers();
      this.showButtons();
    } else {
      this.remember(name, reply.stan, reply);
    }
  }

  /** Notes a sale, so that it can be given back; the next customer's card is another one. */
  remember(name, stan, reply) {
    if (!["EARN", "REDEEM", "BENEFIT_USE"].includes(name) || this.catalogue.resultOf(reply.code).class !== "approve") return;
    this.terminal.memory.addSale({ stan, name, amount: Number(reply.amount_grosze) });
    this.fillSales();
    find("original-stan").value = stan;
    find("original-terminal").value = this.city.terminal;
    find("typed").value = "";
  }

  /** Prints what the switch said; of a STATUS the reply that it found. */
  print(stan, reply) {
    const told = reply.original ?? reply;
    const text = told.receipt || this.catalogue.resultOf(reply.code)[this.language];
    const partner = this.terminal.programme?.partner_name ?? "";
    find("receipt").textContent = paper(text, { partner, terminal: this.city.terminal, stan: told.stan ?? stan });
    find("receipt").dataset.stan = told.stan ?? stan;
    find("receipt").dataset.result = this.catalogue.resultOf(told.code).name;
  }

  async checkVectors() {
    const text = await (await fetch("vectors.json")).text();
    const { checked, wrong } = await checkVectors(this.catalogue, parseExactly(text));
    find("vectors-said").textContent = wrong.length ? this.words.vectors_wrong(checked, wrong) : this.words.vectors_right(checked);
  }
}

const guide = await (await fetch("till.json")).json();
const page = new Page(await Catalogue.load(), guide);
find("receipt").textContent = page.words.no_receipt;
await page.start();
