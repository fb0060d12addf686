// The till's form: what can be chosen, in words, and what was chosen, as a request's fields. Must not know when a
// request is sent.

import { grosze, groszeOf } from "./explain.js";
import { element, find } from "./panes.js";

const OTHER = "other";

/** What is asked of the form is not there: `word` says what, `field` where. */
export class FormError extends Error {
  constructor(word, field) {
    super(word);
    Object.assign(this, { word, field });
  }
}

export class Form {
  /** `said` tells the words, the language, the city, and the terminal's programme and sales, as they are now. */
  constructor(catalogue, cards, said) {
    Object.assign(this, { catalogue, cards, said });
    this.verified = null;
    find("card").addEventListener("change", () => this.chooseCard());
    find("entry").addEventListener("change", () => this.verify(null));
    find("typed").addEventListener("keydown", (event) => this.readCard(event));
  }

  /** Says it all anew: in another language, of another city. */
  fill() {
    this.fillCards();
    this.fillEntries();
    this.fillChecks();
    this.fillSales();
    this.fillProgramme();
  }

  fillCards() {
    const { words, city } = this.said();
    const options = city.cards.map(({ state, holder, track_2 }) => {
      const kind = holder.length ? `, ${holder.map((code) => words.holders[code] ?? code).join(" + ")}` : "";
      return [track_2, `${this.cards.digitsOf(track_2)} (${words.cards[state] ?? state}${kind})`];
    });
    this.choose("card", [...options, [OTHER, words.other_card]]);
    this.chooseCard();
  }

  chooseCard() {
    const isOther = find("card").value === OTHER;
    find("typed-row").hidden = !isOther;
    if (!isOther) find("typed").value = "";
    this.verify(null);
  }

  /** A keyboard reader types what it reads and ends with Enter: that is a swipe, and the amount is next. */
  readCard(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const mode = /[;=?]/.test(find("typed").value) ? "SWIPED" : "KEYED";
    find("entry").value = Object.entries(this.catalogue.entries).find(([, name]) => name === mode)[0];
    this.verify(null);
    find("amount").select();
  }

  fillEntries() {
    const { words, programme } = this.said();
    const allowed = programme?.entries ?? this.catalogue.entries_all;
    const mark = (mode) => (allowed & (1 << Number(mode)) ? "" : " ✗");
    this.choose("entry", Object.entries(this.catalogue.entries).map(([mode, name]) => [mode, words.entries[name] + mark(mode)]));
  }

  fillChecks() {
    const { words } = this.said();
    const seen = this.confirmed();
    const boxes = Object.entries(this.catalogue.checks).map(([bit, name]) => {
      const box = element("input", { type: "checkbox", value: bit, checked: Boolean(seen & Number(bit)) });
      return element("label", { className: "inline" }, box, words.checks[name]);
    });
    find("confirmed").replaceChildren(find("confirmed").firstElementChild, ...boxes);
  }

  confirmed() {
    const boxes = [...find("confirmed").querySelectorAll("input:checked")];
    return boxes.reduce((bits, { value }) => bits | Number(value), 0);
  }

  /** What there is here, as SIGN_ON told: tiers, offers, ways of reading a card. */
  fillProgramme() {
    const { programme, language } = this.said();
    const tiers = programme?.tiers ?? [];
    this.choose("tier", tiers.map(([points, value]) => [points, `${points} = ${grosze(value, language)}`]));
    this.fillOffers();
    this.fillEntries();
  }

  /** What holds for the card, when VERIFY has told; `reply` null forgets it. */
  verify(reply) {
    this.verified = reply;
    this.fillOffers();
  }

  /** All offers of the shop, or of a card that was verified those that hold for it. */
  fillOffers() {
    const { words, programme } = this.said();
    const offers = programme?.offers ?? [];
    const names = new Map(offers.map(([number, , name]) => [number, name]));
    const left = (remaining) => (remaining < 0 ? words.no_limit : words.left(remaining));
    const held = this.verified?.benefits.map(([number, remaining]) => [number, `${number}: ${names.get(number) ?? ""} (${left(remaining)})`]);
    this.choose("offer", held ?? offers.map(([number, , name]) => [number, `${number}: ${name}`]));
  }

  /** Fills a list with [value, text], the chosen one kept where it is still there. */
  choose(id, rows) {
    const kept = find(id).value;
    const shown = rows.length ? rows : [["", this.said().words.none]];
    find(id).replaceChildren(...shown.map(([value, text]) => element("option", { value: String(value), textContent: text })));
    if (rows.some(([value]) => String(value) === kept)) find(id).value = kept;
  }

  /** Whether there is anything to choose for an operation that wants a choice. */
  hasChoice(name) {
    return (name !== "REDEEM" || find("tier").value !== "") && (name !== "BENEFIT_USE" || find("offer").value !== "");
  }

  fillSales() {
    const { words, language, sales } = this.said();
    const text = ({ stan, name, amount }) => words.sale_of(stan, words.operations[name] ?? name, grosze(amount, language));
    find("sales").replaceChildren(...sales.map((sale) => element("option", { value: String(sale.stan), textContent: text(sale) })));
  }

  /** The next customer's card is another one, and what may be taken back is the sale just made. */
  saleMade(stan) {
    this.fillSales();
    find("original-stan").value = stan;
    find("original-terminal").value = this.said().city.terminal;
    find("typed").value = "";
  }

  cardText() {
    const chosen = find("card").value;
    const text = chosen === OTHER ? find("typed").value : chosen;
    const size = new TextEncoder().encode(text).length;
    if (!text.trim() || size > this.catalogue.limits.card_bytes) throw new FormError("wrong_card", "typed");
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

  /** The fields of a request. Throws FormError where one is missing. */
  fieldsOf(name) {
    const card = { card: this.cardText(), entry: Number(find("entry").value) };
    switch (name) {
      case "BALANCE":
        return card;
      case "VERIFY":
        return { ...card, offers_after: 0 };
      case "EARN":
        return { ...card, amount: this.amount() };
      case "REDEEM":
        return { ...card, tier: Number(find("tier").value), amount: this.amount() };
      case "BENEFIT_USE":
        return { ...card, offer: Number(find("offer").value), amount: this.amount(), confirmed: this.confirmed() };
      case "REFUND":
        return {
          ...card,
          original_terminal: this.number("original-terminal"),
          original_stan: this.number("original-stan"),
          amount: this.amount(),
        };
      default:
        return { ...card, original_stan: this.number("original-stan") };
    }
  }
}
