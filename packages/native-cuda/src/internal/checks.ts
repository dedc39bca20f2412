import { CudaError } from "../errors.js";

/** Throws `invalid_argument` unless `value` is a safe integer within the bounds. */
export function requireCount(
  value: number,
  name: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new CudaError("invalid_argument", `${name}: expected an integer ${range}, found ${String(value)}`, {
    details: { name, value },
  });
}

/** Throws unless `bytes` bytes at `offset` lie within a buffer of `size` bytes. */
export function requireRange(offset: number, bytes: number, size: number, what: string): void {
  requireCount(offset, "offset");
  requireCount(bytes, "bytes");
  if (offset + bytes <= size) return;
  throw new CudaError("out_of_range", `bytes ${offset} to ${offset + bytes} are outside of ${what} of ${size} bytes`, {
    details: { offset, bytes, size },
  });
}
