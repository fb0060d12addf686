// Card texts (SPEC.md, section 4): what a reader reads, what of it is sent, and what may be shown.

const SPACE = "[ \\t\\r\\n]*";

export class Cards {
  constructor(catalogue) {
    const [least, most] = catalogue.limits.card_digits;
    const digits = `[0-9]{${least},${most}}`;
    this.bytes = catalogue.limits.card_bytes;
    this.form = new RegExp(
      `^${SPACE}(?:([0-9](?: ?[0-9]){${least - 1},${most - 1}})` +
        `|(?:%(?:[Bb](${digits})\\^[^%?;^]*\\^[^%?;^]*|[Ee])\\?${SPACE})?;?(${digits})(?:[=Dd][0-9=Dd]*)?[Ff]?\\??)${SPACE}$`,
    );
  }

  /** The digits in a card text, or null where it is none. */
  digitsOf(text) {
    const found = text.length <= this.bytes ? this.form.exec(text) : null;
    if (!found) return null;
    const [, keyed, track1, track2] = found;
    const digits = track2 ?? keyed.replaceAll(" ", "");
    return (track1 === undefined || track1 === digits) && isLuhn(digits) ? digits : null;
  }

  /** What may be shown of a card text: its last four digits at most. */
  masked(text) {
    const digits = this.digitsOf(text);
    return digits ? `****${digits.slice(-4)}` : `(${text.length} characters)`;
  }
}

/** Nothing of track 1 is sent: it holds the holder's name. */
export function withoutTrack1(text) {
  const end = text.indexOf("?");
  return end >= 0 && text.trimStart().startsWith("%") ? text.slice(end + 1).trim() : text;
}

function isLuhn(digits) {
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits[digits.length - 1 - at]);
    sum += at % 2 === 0 ? digit : digit < 5 ? 2 * digit : 2 * digit - 9;
  }
  return sum % 10 === 0;
}
