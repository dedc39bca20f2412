import { ExperimentError } from "../errors.js";
import { type Shape, sizeOf } from "../tensor/program.js";
import { type HostArray, numbersOf } from "./npy.js";

/** Tensors by name, with the notes a file carries. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, HostArray>;
  readonly metadata: Readonly<Record<string, string>>;
}

const LARGEST_HEADER = 100_000_000;
const types: Readonly<Record<string, { readonly bytes: number; readonly numpy: string }>> = {
  F64: { bytes: 8, numpy: "f8" },
  F32: { bytes: 4, numpy: "f4" },
  F16: { bytes: 2, numpy: "f2" },
  BF16: { bytes: 2, numpy: "bf2" },
  I64: { bytes: 8, numpy: "i8" },
  U64: { bytes: 8, numpy: "u8" },
  I32: { bytes: 4, numpy: "i4" },
  U32: { bytes: 4, numpy: "u4" },
  I16: { bytes: 2, numpy: "i2" },
  U16: { bytes: 2, numpy: "u2" },
  I8: { bytes: 1, numpy: "i1" },
  U8: { bytes: 1, numpy: "u1" },
  BOOL: { bytes: 1, numpy: "b1" },
};

/**
 * Reads a .safetensors file. Throws `invalid_file` unless the header is one, every tensor lies inside the file and has
 * as many bytes as its shape says, and the tensors cover the data without holes or overlaps.
 */
export function readSafetensors(bytes: Uint8Array, name: string): Safetensors {
  const bad = (what: string): never => {
    throw new ExperimentError("invalid_file", `${name}: ${what}`);
  };
  if (bytes.length < 8) return bad("this is no .safetensors file: it is shorter than its length field");
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > LARGEST_HEADER || 8 + length > bytes.length) {
    return bad(`the header has ${length} bytes, and the file ${bytes.length}: it is cut off, or no .safetensors file`);
  }
  const header = headerOf(new TextDecoder().decode(bytes.subarray(8, 8 + length)), bad);
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, HostArray>();
  const metadata: Record<string, string> = {};
  const spans: { readonly name: string; readonly begin: number; readonly end: number }[] = [];
  for (const [key, entry] of Object.entries(header)) {
    if (typeof entry !== "object" || entry === null) return bad(`${key}: expected a mapping`);
    if (key === "__metadata__") {
      for (const [note, text] of Object.entries(entry)) metadata[note] = String(text);
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
    const type = types[String(dtype)];
    if (type === undefined) return bad(`${key}: there is no type ${String(dtype)}`);
    if (!isNaturals(shape) || !isNaturals(offsets) || offsets.length !== 2) {
      return bad(`${key}: expected a shape and two offsets, in whole numbers`);
    }
    const [begin = 0, end = 0] = offsets;
    if (begin > end || end > data.length) return bad(`${key}: the bytes ${begin} to ${end} are not in the file`);
    if (end - begin !== sizeOf(shape) * type.bytes) {
      return bad(`${key}: expected ${sizeOf(shape) * type.bytes} bytes, found ${end - begin}`);
    }
    spans.push({ name: key, begin, end });
    tensors.set(key, { shape, data: valuesOf(data.subarray(begin, end), type.numpy, sizeOf(shape), bad) });
  }
  let reached = 0;
  for (const span of spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (span.begin !== reached) return bad(`${span.name}: expected it at byte ${reached}, found it at ${span.begin}`);
    reached = span.end;
  }
  if (reached !== data.length) return bad(`there are ${data.length - reached} bytes after the last tensor`);
  return { tensors, metadata };
}

function headerOf(text: string, bad: (what: string) => never): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(text);
    if (typeof header === "object" && header !== null && !Array.isArray(header)) {
      return header as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below.
  }
  return bad("the header is not a JSON object");
}

function isNaturals(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function valuesOf(bytes: Uint8Array, type: string, count: number, bad: (what: string) => never): HostArray["data"] {
  if (type !== "bf2") return numbersOf(bytes, type, count, bad);
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  const words = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(words.buffer);
}

/** A .safetensors file of these tensors, in the order of their names. The same tensors give the same bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, { readonly shape: Shape; readonly data: Float32Array | Int32Array }>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const names = [...tensors.keys()].sort();
  const header: Record<string, unknown> = Object.keys(metadata).length === 0 ? {} : { __metadata__: metadata };
  let offset = 0;
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    const end = offset + tensor.data.byteLength;
    const dtype = tensor.data instanceof Int32Array ? "I32" : "F32";
    header[name] = { dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((8 + text.length) / 8) * 8;
  const bytes = new Uint8Array(start + offset).fill(0x20, 8 + text.length, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let at = start;
  for (const name of names) {
    const data = tensors.get(name)?.data;
    if (data === undefined) continue;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}
