/**
 * The inverse of the normal distribution, from +, -, *, / and square roots alone: IEEE 754 fixes the result
 * of each, so every platform gets the same bits. `Math.log` and `Math.cos` promise no such thing.
 */

const bits = new DataView(new ArrayBuffer(8));

const LN_2 = 0.6931471805599453;
const SQUARE_ROOT_OF_2 = 1.4142135623730951;
/** Coefficients of atanh(s) / s in powers of s^2; so many reach float64 for |s| <= 0.172. */
const ATANH_SERIES = Array.from({ length: 13 }, (_, term) => 1 / (2 * term + 1));

/** c[0] + c[1] x + c[2] x^2 + ... */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + (coefficients[i] ?? 0);
  return sum;
}

/** The natural logarithm of a positive, normal number; within 2 ulp. */
export function exactLog(x: number): number {
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0x000fffff) | 0x3ff00000);
  let mantissa = bits.getFloat64(0);
  if (mantissa > SQUARE_ROOT_OF_2) {
    mantissa /= 2;
    exponent += 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  return exponent * LN_2 + 2 * s * polynomial(ATANH_SERIES, s * s);
}

// Coefficients of algorithm AS 241, PPND16 (Wichura, Applied Statistics 37, 1988), rounded to float64: relative error about 1e-16.
const CENTRAL = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
] as const;
const MIDDLE = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
] as const;
const TAIL = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 0.000018463183175100548,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
] as const;

const ratio = (fraction: readonly [readonly number[], readonly number[]], x: number): number =>
  polynomial(fraction[0], x) / polynomial(fraction[1], x);

/** The number below which a standard normal variate lies with probability `p`, 0 < p < 1. */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRAL, 0.180625 - q * q);
  const r = Math.sqrt(-exactLog(q < 0 ? p : 1 - p));
  const size = r <= 5 ? ratio(MIDDLE, r - 1.6) : ratio(TAIL, r - 5);
  return q < 0 ? -size : size;
}
