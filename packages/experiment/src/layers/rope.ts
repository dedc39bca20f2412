import type { Graph, Value } from "../tensor/graph.js";

/** How the slow rotations are stretched for long texts, as Llama 3 does it. */
export interface RopeScaling {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/** Rotations per token of each pair of numbers (Su et al.: RoFormer, 2021). */
export function ropeFrequencies(width: number, base: number, scaling: RopeScaling | null): number[] {
  const plain = Array.from({ length: width / 2 }, (_, k) => base ** ((-2 * k) / width));
  if (scaling === null) return plain;
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: old } = scaling;
  return plain.map((frequency) => {
    const turns = (old * frequency) / (2 * Math.PI);
    if (turns < low) return frequency / factor;
    if (turns > high) return frequency;
    const smooth = (turns - low) / (high - low);
    return (1 - smooth) * (frequency / factor) + smooth * frequency;
  });
}

/** Cosine and sine of every angle, for positions 0 to `length`; each is (length, width/2). */
export function ropeTables(
  graph: Graph,
  length: number,
  width: number,
  base: number,
  scaling: RopeScaling | null,
): { readonly cos: Value; readonly sin: Value } {
  const frequencies = ropeFrequencies(width, base, scaling);
  const table = (f: (angle: number) => number): Value =>
    graph.table(
      Float32Array.from({ length: length * frequencies.length }, (_, i) =>
        f(Math.floor(i / frequencies.length) * (frequencies[i % frequencies.length] ?? 0)),
      ),
      [length, frequencies.length],
    );
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** Turns `x` (..., tokens, width): its first half with its second half. */
export function rotate(graph: Graph, x: Value, { cos, sin }: { readonly cos: Value; readonly sin: Value }): Value {
  const width = x.shape.at(-1) ?? 0;
  const first = graph.slice(x, -1, 0, width / 2);
  const second = graph.slice(x, -1, width / 2, width);
  return graph.concat(
    [
      graph.sub(graph.mul(first, cos), graph.mul(second, sin)),
      graph.add(graph.mul(first, sin), graph.mul(second, cos)),
    ],
    -1,
  );
}
