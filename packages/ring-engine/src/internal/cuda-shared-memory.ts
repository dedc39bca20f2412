import type { EngineKind, RingConfig } from "../backend.js";
import { RingEngineError } from "../errors.js";
import { POINTER_HEADS } from "./cuda-arena.js";
import type { CudaPlan } from "./cuda-plan.js";

const WARP = 32;
const MOST_WARPS = 16;

/** Bytes of shared memory that pieces of these sizes take, as the kernels' carver hands them out. */
function carved(pieces: readonly number[]): number {
  return pieces.reduce((sum, bytes) => sum + Math.ceil(bytes / 16) * 16, 0);
}

/** Warps of a recurrence's blocks: enough that each has some of the depth, no more than share a multiprocessor well. */
export function recurrenceThreads(depth: number): number {
  return WARP * Math.max(1, Math.min(MOST_WARPS, Math.ceil(depth / 16)));
}

/** What a block of a recurrence keeps in shared memory. */
export interface Resident {
  readonly shared_bytes: number;
  /** One for each slice of weights, in order: whether a block keeps it in shared memory. */
  readonly resident: readonly boolean[];
}

/** Takes in as many slices as fit; the others are read through the caches. */
function resident(what: string, pieces: readonly number[], slices: readonly number[], limit: number): Resident {
  let shared_bytes = carved(pieces);
  if (shared_bytes > limit) {
    throw new RingEngineError(
      "unsupported",
      `the ${what} needs ${shared_bytes} bytes of shared memory in a block, and this device has ${limit}: make batch_size smaller`,
      { details: { reason: "too_large", engines: ["cpu"] satisfies EngineKind[] } },
    );
  }
  const kept = slices.map((bytes) => {
    const fits = shared_bytes + carved([bytes]) <= limit;
    if (fits) shared_bytes += carved([bytes]);
    return fits;
  });
  return { shared_bytes, resident: kept };
}

/** The shared memory of the recurrences' blocks. */
export interface RecurrenceMemory {
  readonly forward: Resident;
  readonly backward: Resident;
  readonly sensory_forward: Resident;
  readonly sensory_backward: Resident;
}

/** Throws `unsupported` where a block of this device has too little for the batch. */
export function recurrenceMemory(
  config: RingConfig,
  plan: CudaPlan,
  limits: { readonly shared_bytes_per_block: number },
): RecurrenceMemory {
  const { slot_dim: D, batch_size: B, sensory_dim: S, window_radius } = config;
  const W = 2 * window_radius + 1;
  const fused = plan.fused === 1;
  const real = config.precision === "fp64" ? 8 : 4;
  const pointer = config.ptr_dtype === "fp64" ? 8 : 4;
  const { columns, units, gate_rows, unit_rows, sensory_units, sensory_gate_rows, sensory_unit_rows } = plan;
  const limit = limits.shared_bytes_per_block;
  const owned = units * B;
  const forward = resident(
    "forward recurrence",
    [
      16 * real * recurrenceThreads(D),
      real * gate_rows * columns,
      real * gate_rows * columns,
      real * POINTER_HEADS * columns,
      pointer * B,
      pointer * B,
      pointer * B,
      pointer * B * W,
      pointer * B * W,
      4 * B * W,
      ...(fused ? [real * unit_rows * columns, real * sensory_gate_rows * columns] : []),
      real * POINTER_HEADS * D,
    ],
    [
      real * D * gate_rows,
      real * D * gate_rows,
      ...(fused ? [real * S * sensory_gate_rows, real * S * unit_rows] : []),
    ],
    limit,
  );
  const backward = resident(
    "backward recurrence",
    [
      16 * real * recurrenceThreads(D),
      real * unit_rows * columns,
      real * unit_rows * columns,
      real * owned,
      pointer * owned,
      8 * owned,
      pointer * B,
      pointer * 16 * B,
      real * POINTER_HEADS * B,
      pointer * B * W,
      pointer * B * W,
      4 * B * W,
      ...(fused
        ? [real * sensory_unit_rows * columns, real * sensory_unit_rows * columns, real * sensory_units * B]
        : []),
    ],
    [
      3 * real * D * unit_rows,
      3 * real * D * unit_rows,
      ...(fused ? [3 * real * S * sensory_unit_rows, real * D * sensory_unit_rows] : []),
    ],
    limit,
  );
  const sensory_forward = resident(
    "sensory recurrence",
    [16 * real * recurrenceThreads(S), real * sensory_gate_rows * columns],
    [real * S * sensory_gate_rows],
    limit,
  );
  const sensory_backward = resident(
    "sensory recurrence",
    [16 * real * recurrenceThreads(S), real * sensory_unit_rows * columns, real * sensory_units * B],
    [3 * real * S * sensory_unit_rows],
    limit,
  );

  return { forward, backward, sensory_forward, sensory_backward };
}
