import type { DeviceBuffer } from "./device-buffer.js";
import { CudaError } from "./errors.js";
import type { BufferHandle } from "./internal/addon-functions.js";
import { requireCount } from "./internal/checks.js";
import { handleOf } from "./internal/handles.js";

/** What a parameter of a kernel is: the address of a buffer, or a number of this size. */
export type ParameterKind = "buffer" | "u32" | "i32" | "u64" | "i64" | "f32" | "f64";

/** All kinds, for messages and checks. */
export const parameterKinds: readonly ParameterKind[] = ["buffer", "u32", "i32", "u64", "i64", "f32", "f64"];

/** True for a kind of parameter. */
export function isParameterKind(value: unknown): value is ParameterKind {
  return (parameterKinds as readonly unknown[]).includes(value);
}

/** A buffer, from its start or from a byte within it; null is the null pointer. */
export type BufferArgument = DeviceBuffer | { readonly buffer: DeviceBuffer; readonly offset: number } | null;

interface ArgumentOfKind {
  buffer: BufferArgument;
  u32: number;
  i32: number;
  u64: number | bigint;
  i64: number | bigint;
  f32: number;
  f64: number;
}

/** The arguments that fit a list of kinds. */
export type KernelArguments<Kinds extends readonly ParameterKind[]> = {
  readonly [Index in keyof Kinds]: ArgumentOfKind[Kinds[Index]];
};

/** Bytes of each parameter, negative for a buffer's address, as the addon takes them. */
export function slotSizes(kinds: readonly ParameterKind[]): Int8Array {
  return Int8Array.from(kinds, (kind) => {
    if (kind === "buffer") return -8;
    return kind.endsWith("64") ? 8 : 4;
  });
}

/** Arguments as the addon takes them: eight bytes each, and the buffers that their addresses come from. */
export interface PackedArguments {
  readonly values: Uint8Array;
  readonly buffers: readonly (BufferHandle | null)[];
  readonly objects: readonly DeviceBuffer[];
}

const integers = {
  u32: { least: 0n, most: 0xffff_ffffn },
  i32: { least: -0x8000_0000n, most: 0x7fff_ffffn },
  u64: { least: 0n, most: 0xffff_ffff_ffff_ffffn },
  i64: { least: -0x8000_0000_0000_0000n, most: 0x7fff_ffff_ffff_ffffn },
} as const;

function integer(kind: keyof typeof integers, value: unknown, where: string): bigint {
  const { least, most } = integers[kind];
  const exact = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
  const number = exact ? BigInt(value) : undefined;
  if (number !== undefined && number >= least && number <= most) return number;
  throw new CudaError(
    "invalid_argument",
    `${where}: expected an integer from ${least} to ${most}, found ${text(value)}`,
  );
}

function text(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object" && value !== null) return value.constructor.name;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function float(value: unknown, where: string): number {
  if (typeof value === "number") return value;
  throw new CudaError("invalid_argument", `${where}: expected a number, found ${text(value)}`);
}

function bufferOf(argument: unknown, where: string): { readonly buffer: DeviceBuffer; readonly offset: number } {
  const given = argument as DeviceBuffer | { readonly buffer: DeviceBuffer; readonly offset: number };
  const found = typeof argument === "object" && argument !== null && "buffer" in argument ? given : undefined;
  const buffer = found === undefined ? (given as DeviceBuffer) : (found as { readonly buffer: DeviceBuffer }).buffer;
  const offset = found === undefined ? 0 : (found as { readonly offset: number }).offset;
  if (typeof buffer !== "object" || !("copyFromBuffer" in buffer)) {
    throw new CudaError(
      "invalid_argument",
      `${where}: expected a DeviceBuffer, { buffer, offset } or null, found ${text(argument)}`,
    );
  }
  if (buffer.disposed) throw new CudaError("disposed", `${where}: the buffer was disposed of`);
  requireCount(offset, `${where}, offset`);
  if (offset >= buffer.bytes) {
    throw new CudaError("out_of_range", `${where}: offset ${offset} is outside of a buffer of ${buffer.bytes} bytes`);
  }
  return { buffer, offset };
}

/** Checks the arguments of a launch against the kinds and lays them out. */
export function packArguments(
  name: string,
  kinds: readonly ParameterKind[],
  given: readonly unknown[],
): PackedArguments {
  if (given.length !== kinds.length) {
    throw new CudaError("invalid_argument", `${name} takes ${kinds.length} arguments, and ${given.length} were given`, {
      details: { kinds },
    });
  }
  const values = new DataView(new ArrayBuffer(8 * kinds.length));
  const buffers: (BufferHandle | null)[] = [];
  const objects: DeviceBuffer[] = [];
  for (const [index, kind] of kinds.entries()) {
    const [value, at, where] = [given[index], 8 * index, `argument ${index} of ${name} (${kind})`];
    let address: BufferHandle | null = null;
    switch (kind) {
      case "buffer":
        if (value === null) break;
        {
          const { buffer, offset } = bufferOf(value, where);
          address = handleOf<BufferHandle>(buffer);
          objects.push(buffer);
          values.setBigUint64(at, BigInt(offset), true);
        }
        break;
      case "f32":
        values.setFloat32(at, float(value, where), true);
        break;
      case "f64":
        values.setFloat64(at, float(value, where), true);
        break;
      case "u32":
      case "i32":
      case "u64":
      case "i64":
        values.setBigUint64(at, BigInt.asUintN(64, integer(kind, value, where)), true);
        break;
    }
    buffers.push(address);
  }
  return { values: new Uint8Array(values.buffer), buffers, objects };
}
