// The pause after failures (SPEC.md, section 6): it doubles with each in a row, is drawn at random between half and
// the whole, and ends with the first final answer.

export const seconds = () => performance.now() / 1000;
const sleep = (duration) => new Promise((resolve) => setTimeout(resolve, duration * 1000));

export class Backoff {
  constructor({ pause_min_s, pause_max_s }, onPause) {
    this.least = pause_min_s;
    this.most = pause_max_s;
    this.failures = 0;
    this.until = -Infinity;
    this.onPause = onPause;
  }

  failed() {
    const longest = Math.min(this.most, this.least * 2 ** this.failures);
    this.failures += 1;
    this.until = seconds() + (longest * (1 + Math.random())) / 2;
  }

  succeeded() {
    this.failures = 0;
    this.until = -Infinity;
  }

  /** Waits until the pause is over, or until `deadline` if that comes first; returns which. */
  async wait(deadline) {
    const rest = Math.min(this.until, deadline) - seconds();
    if (rest > 0) {
      this.onPause(rest);
      await sleep(rest);
    }
    return this.until <= deadline;
  }
}
