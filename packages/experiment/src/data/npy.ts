import { ExperimentError } from "../errors.js";
import { type Shape, sizeOf } from "../tensor/program.js";

/** Numbers from a file: whole ones as int32, others as float32. */
export interface HostArray {
  readonly shape: Shape;
  readonly data: Float32Array | Int32Array;
}

const MAGIC = "\x93NUMPY";
const kinds: Readonly<Record<string, { readonly bytes: number; readonly whole: boolean }>> = {
  b1: { bytes: 1, whole: true },
  i1: { bytes: 1, whole: true },
  u1: { bytes: 1, whole: true },
  i2: { bytes: 2, whole: true },
  u2: { bytes: 2, whole: true },
  i4: { bytes: 4, whole: true },
  u4: { bytes: 4, whole: true },
  i8: { bytes: 8, whole: true },
  u8: { bytes: 8, whole: true },
  f2: { bytes: 2, whole: false },
  f4: { bytes: 4, whole: false },
  f8: { bytes: 8, whole: false },
};

/**
 * Reads a .npy file (NumPy's format 1.0 to 3.0): numbers in little endian, in C order. Throws `invalid_file` where the
 * header is none, where the numbers are fewer or more than it says, or where a whole number does not fit 32 bits.
 */
export function readNpy(bytes: Uint8Array, name: string): HostArray {
  const bad = (what: string): never => {
    throw new ExperimentError("invalid_file", `${name}: ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || Array.from(MAGIC).some((c, i) => bytes[i] !== c.charCodeAt(0))) {
    return bad("this is no .npy file: it does not begin as one");
  }
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) return bad(`expected version 1, 2 or 3 of the format, found ${version}`);
  if (version > 1 && bytes.length < 12) return bad("the header is cut off");
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) return bad("the header is cut off");
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-zA-Z]\d+)'/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shapeText = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header)?.[1];
  if (descr === null || order === undefined || shapeText === undefined) {
    return bad("the header lacks descr, fortran_order or shape");
  }
  const shape = shapeText
    .split(",")
    .map((part) => part.replace("L", "").trim())
    .filter((part) => part !== "")
    .map(Number);
  if (order === "True" && shape.length > 1) return bad("expected C order, found Fortran order: save it with order='C'");
  const kind = kinds[descr[2] ?? ""];
  if (kind === undefined) return bad(`expected numbers of 1 to 8 bytes, found ${descr[2] ?? "nothing"}`);
  if (descr[1] === ">" && kind.bytes > 1) return bad("expected little endian, found big endian");
  const count = sizeOf(shape);
  if (!Number.isSafeInteger(count) || bytes.length - start - length !== count * kind.bytes) {
    return bad(`expected ${count} numbers of ${kind.bytes} bytes, found ${bytes.length - start - length} bytes`);
  }
  return { shape, data: numbersOf(bytes.subarray(start + length), descr[2] ?? "", count, bad) };
}

/** Numbers of a NumPy type from bytes in little endian. */
export function numbersOf(
  bytes: Uint8Array,
  type: string,
  count: number,
  bad: (what: string) => never,
): Float32Array | Int32Array {
  // A copy of its own: a Buffer's slice would be a view of a pool.
  const copy = new Uint8Array(bytes).buffer;
  const view = new DataView(copy);
  switch (type) {
    case "f4":
      return new Float32Array(copy);
    case "i4":
      return new Int32Array(copy);
    case "f8":
      return Float32Array.from(new Float64Array(copy));
    case "f2":
      return Float32Array.from({ length: count }, (_, i) => halfToNumber(view.getUint16(2 * i, true)));
    case "b1":
    case "u1":
      return Int32Array.from(new Uint8Array(copy));
    case "i1":
      return Int32Array.from(new Int8Array(copy));
    case "i2":
      return Int32Array.from(new Int16Array(copy));
    case "u2":
      return Int32Array.from(new Uint16Array(copy));
    default: {
      const wide = (i: number): number =>
        type === "u4"
          ? view.getUint32(4 * i, true)
          : Number(type === "i8" ? view.getBigInt64(8 * i, true) : view.getBigUint64(8 * i, true));
      return Int32Array.from({ length: count }, (_, i) => {
        const value = wide(i);
        return Math.abs(value) < 2 ** 31 ? value : bad(`expected whole numbers of 32 bits, found ${value} at ${i}`);
      });
    }
  }
}

/** An IEEE half-precision number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A .npy file of these numbers, in the format 1.0. */
export function writeNpy({ shape, data }: HostArray): Uint8Array {
  const type = data instanceof Int32Array ? "<i4" : "<f4";
  const list = shape.length === 1 ? `${shape[0] ?? 0},` : shape.join(", ");
  const head = `{'descr': '${type}', 'fortran_order': False, 'shape': (${list}), }`;
  const padded = `${head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + padded.length + data.byteLength);
  for (const [i, c] of Array.from(`${MAGIC}\x01\x00`).entries()) bytes[i] = c.charCodeAt(0);
  new DataView(bytes.buffer).setUint16(8, padded.length, true);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + padded.length);
  return bytes;
}
