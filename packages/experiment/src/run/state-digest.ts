import { sha256 } from "../data/files.js";
import { writeSafetensors } from "../data/safetensors.js";
import type { StateDict } from "../system/weights.js";

/** SHA-256 over names, shapes and numbers, in the order of the names. */
export function stateDigest(state: StateDict): string {
  return sha256(writeSafetensors(state));
}
