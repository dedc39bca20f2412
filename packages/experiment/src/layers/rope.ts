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

/** Cosine and sine of every angle, for positions 0 to `length`; each is (length, 2, width/2). */
export interface RopeTables {
  readonly cos: Value;
  /** Negative for the first half: what of the second half goes into it. */
  readonly sin: Value;
}

export function ropeTables(
  graph: Graph,
  length: number,
  width: number,
  base: number,
  scaling: RopeScaling | null,
): RopeTables {
  const frequencies = ropeFrequencies(width, base, scaling);
  const half = frequencies.length;
  const table = (f: (angle: number, second: boolean) => number): Value =>
    graph.table(
      Float32Array.from({ length: length * width }, (_, i) => {
        const position = Math.floor(i / width);
        return f(position * (frequencies[i % half] ?? 0), i % width >= half);
      }),
      [length, 2, half],
    );
  return { cos: table(Math.cos), sin: table((angle, second) => (second ? 1 : -1) * Math.sin(angle)) };
}

/**
 * Turns `x` (..., tokens, width): its first half with its second half. The halves change places as a view, so that all of
 * it is one pass over the numbers, and its gradient another.
 */
export function rotate(graph: Graph, x: Value, { cos, sin }: RopeTables): Value {
  const halves = graph.reshape(x, [...x.shape.slice(0, -1), 2, (x.shape.at(-1) ?? 0) / 2]);
  return graph.reshape(graph.add(graph.mul(halves, cos), graph.mul(graph.flip(halves, -2), sin)), x.shape);
}
