import type { HostTensor, StateDict } from "../system/weights.js";

/**
 * A state dict with every low-rank update added to its base, `weight` + (A B)^T alpha/r, and the update left out: what a
 * plain linear layer in its place computes. `alpha` is the layers' own, by the path of the layer.
 */
export function mergeLora(state: StateDict, alpha: (path: string) => number): Map<string, HostTensor> {
  const merged = new Map(state);
  for (const [name, a] of state) {
    if (!name.endsWith("lora_a")) continue;
    const prefix = name.slice(0, -"lora_a".length);
    const b = state.get(`${prefix}lora_b`);
    const weight = state.get(`${prefix}weight`);
    if (b === undefined || weight === undefined) continue;
    const [inputs = 0, rank = 1] = a.shape;
    const outputs = b.shape[1] ?? 0;
    const scale = alpha(prefix.replace(/\.$/, "")) / rank;
    const data = Float32Array.from(weight.data, (value, at) => {
      const [row, column] = [Math.floor(at / inputs), at % inputs];
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += (a.data[column * rank + r] ?? 0) * (b.data[r * outputs + row] ?? 0);
      return value + sum * scale;
    });
    merged.set(`${prefix}weight`, { shape: weight.shape, data });
    merged.delete(name);
    merged.delete(`${prefix}lora_b`);
  }
  return merged;
}
