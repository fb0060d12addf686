// What a terminal must not lose: its STAN counter and the request that has no final reply yet (SPEC.md, section 6).
// A browser has localStorage for it; a real terminal has storage that survives a power cut.

const EMPTY = { stan: 0, pending: null, sales: [] };
const SALES_MAX = 20;

export class Memory {
  constructor(terminal) {
    this.name = `cityswitch terminal ${terminal}`;
    this.held = { ...EMPTY, ...JSON.parse(localStorage.getItem(this.name) ?? "{}") };
  }

  change(changes) {
    Object.assign(this.held, changes);
    localStorage.setItem(this.name, JSON.stringify(this.held));
  }

  get stan() {
    return this.held.stan;
  }

  /** The request under way: {stan, type, body: hex, tries}; null when there is none. */
  get pending() {
    return this.held.pending;
  }

  /** What was approved here, newest first: {stan, name, amount}; no card is kept. */
  get sales() {
    return this.held.sales;
  }

  nextStan() {
    this.change({ stan: this.stan + 1 });
    return this.stan;
  }

  skipTo(stan) {
    this.change({ stan });
  }

  begin(pending) {
    this.change({ pending });
  }

  finish() {
    this.change({ pending: null });
  }

  addSale(sale) {
    this.change({ sales: [sale, ...this.sales.filter(({ stan }) => stan !== sale.stan)].slice(0, SALES_MAX) });
  }
}
