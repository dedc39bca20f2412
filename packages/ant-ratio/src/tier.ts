import type { NamedTier } from "./packet.js";

const TIERS: readonly { readonly tier: NamedTier; readonly ring_len: number; readonly slot_dim: number }[] = [
  { tier: "small", ring_len: 2048, slot_dim: 256 },
  { tier: "real", ring_len: 8192, slot_dim: 576 },
  { tier: "stress", ring_len: 16384, slot_dim: 768 },
];

/** Slots x width of the small tier, which sizes are given relative to. */
export const SMALL_BODY_CELLS = 2048 * 256;

/** The tier of a size: one of three names, or `custom`. */
export function tierOf(ring_len: number, slot_dim: number): NamedTier | "custom" {
  return TIERS.find((named) => named.ring_len === ring_len && named.slot_dim === slot_dim)?.tier ?? "custom";
}
