declare const brand: unique symbol;

/** `wl_v1_` and 12 hexadecimal digits, for people: 48 bits collide, so join and prove by {@link Sha256Hex}. */
export type WorkloadId = string & { readonly [brand]: "WorkloadId" };

/** A SHA-256 digest as 64 lower-case hexadecimal digits. */
export type Sha256Hex = string & { readonly [brand]: "Sha256Hex" };

/** Whether `value` has the form of a workload id; whether such a workload exists nobody can tell. */
export function isWorkloadId(value: unknown): value is WorkloadId {
  return typeof value === "string" && /^wl_v1_[\da-f]{12}$/.test(value);
}

/** Whether `value` has the form of a SHA-256 digest in lower-case hexadecimal. */
export function isSha256Hex(value: unknown): value is Sha256Hex {
  return typeof value === "string" && /^[\da-f]{64}$/.test(value);
}
