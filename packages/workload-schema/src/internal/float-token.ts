/** A number written with a fraction, an exponent, or as NaN or an infinity: never an integer, whatever its value. */
export class FloatToken {
  constructor(readonly text: string) {}
}

/** The number a token stands for; `1e400` is infinite, as in Python. */
export function floatValue(token: FloatToken): number {
  return Number(token.text);
}
