/** A length: a number, or a name such as `B` (batch), `T` (time) or `?` (nobody knows). */
export type Dim = number | string;

/** The dimensions of a tensor. `open`: there may be more before them. */
export interface Shape {
  readonly open: boolean;
  readonly dims: readonly Dim[];
}

/** A shape with exactly these dimensions. */
export const shape = (...dims: readonly Dim[]): Shape => ({ open: false, dims });

/** A shape of which only the last dimensions are known, or nothing. */
export const openShape = (...dims: readonly Dim[]): Shape => ({ open: true, dims });

/** `[B, T, 512]`, `[..., 512]`. */
export function formatShape({ open, dims }: Shape): string {
  return `[${[...(open ? ["..."] : []), ...dims].join(", ")}]`;
}

/** Whether two lengths may be the same. */
export function dimsAgree(a: Dim, b: Dim): boolean {
  return a === b || a === "?" || b === "?";
}

/** Whether two shapes may be the same. */
export function shapesAgree(a: Shape, b: Shape): boolean {
  const [long, short] = a.dims.length >= b.dims.length ? [a, b] : [b, a];
  if (long.dims.length > short.dims.length && !short.open) return false;
  const extra = long.dims.length - short.dims.length;
  return short.dims.every((dim, index) => dimsAgree(dim, long.dims[index + extra] ?? "?"));
}

/** The dimension at `index`, from the end where it is negative; `?` where nobody knows, undefined where there is none. */
export function dimAt({ open, dims }: Shape, index: number): Dim | undefined {
  if (index >= 0) return open ? "?" : dims[index];
  return dims[dims.length + index] ?? (open ? "?" : undefined);
}

/** The shape with `dim` at `index` (from the end where it is negative). */
export function withDim({ open, dims }: Shape, index: number, dim: Dim): Shape {
  const missing = Math.max(0, -index - dims.length);
  const all: Dim[] = [...Array.from({ length: missing }, (): Dim => "?"), ...dims];
  all[index < 0 ? all.length + index : index] = dim;
  return { open, dims: all };
}

/** Elements of a tensor; null where a length is not a number. */
export function elements({ open, dims }: Shape): number | null {
  if (open) return null;
  let count = 1;
  for (const dim of dims) {
    if (typeof dim !== "number") return null;
    count *= dim;
  }
  return count;
}
