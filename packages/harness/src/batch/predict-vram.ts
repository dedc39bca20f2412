import { predictMemory } from "@vrx/ring-engine";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { withBatch } from "./with-batch.js";

/** Vectors of slot_dim floats that one time step of one sample leaves for the backward pass, beside the ring. */
const SAVED_VECTORS = 33;
/** Workspace of the libraries, in bytes: what remains of nine measured runs when the arrays are counted. */
const WORKSPACE_BYTES = 20e6;

/**
 * The peak of allocated GPU memory, in bytes, of the ring as a framework with a tape trains it: such a program keeps one
 * fp32 ring per time step, whatever the precision, and the gradient of one.
 *
 *     4 B (T+1) R D  +  4 x 33 B T D  +  16 (N - 2D)  +  20 MB
 *
 * B batch_size, T synth_len, R ring_len, D slot_dim, N parameters, of which 2D (the input projection) get no gradient.
 * Nine runs from 4.9 to 15.6 GB on one 16 GB GPU are met within 0.3 %; other programs and versions may differ. The
 * engines of vrx keep one ring: their memory is `predictMemory` of `@vrx/ring-engine`.
 */
export function predictVram(spec: WorkloadSpec, heads = 1): number {
  const { ring_len: R, slot_dim: D } = spec.ant_spec;
  const { synth_len: T, batch_size: B } = spec.colony_spec;
  // The reference engine counts its parameters in float64.
  const N = predictMemory(spec, { expert_heads: heads }, { engine: "reference" }).parts.parameters / 8;
  return 4 * B * (T + 1) * R * D + 4 * SAVED_VECTORS * B * T * D + 16 * (N - 2 * D) + WORKSPACE_BYTES;
}

/** What an allocator with a cache holds beyond the tensors, in bytes: the median over the same runs. */
const ALLOCATOR_BYTES = 32_029_440;

/**
 * The share of a GPU's memory that each batch is predicted to reserve, from the sizes alone. A search corrects it by what
 * it measures, so that only its shape has to be right.
 */
export function vramShare(spec: WorkloadSpec, heads: number, total_vram_bytes: number): (batch: number) => number {
  const { base, slope } = vramLine(spec, heads);
  return (batch) => (ALLOCATOR_BYTES + base + slope * batch) / total_vram_bytes;
}

/** The memory model as a line: it is one in the batch. */
export function vramLine(
  spec: WorkloadSpec,
  heads: number,
): { readonly base: number; readonly slope: number; readonly overhead: number } {
  const at = (batch: number): number => predictVram(withBatch(spec, batch), heads);
  const slope = at(2) - at(1);
  return { base: at(1) - slope, slope, overhead: ALLOCATOR_BYTES };
}
