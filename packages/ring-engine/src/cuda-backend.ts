import type {
  Gradients,
  LossScaleState,
  LossScaling,
  OptimizerState,
  RingBackend,
  RingConfig,
  StepOutcome,
  StepRequest,
  StepTrace,
} from "./backend.js";
import { RingEngineError, isRingEngineError } from "./errors.js";
import { cudaArena } from "./internal/cuda-arena.js";
import { type CudaLayout, cudaLayout } from "./internal/cuda-layout.js";
import { type CudaLimits, LOSS_SCALE, cudaSteps, scalesLoss } from "./internal/cuda-launches.js";
import { recurrenceMemory } from "./internal/cuda-shared-memory.js";
import type { RingDevice } from "./internal/ring-device.js";
import { checkStepRequest } from "./internal/step-request.js";
import { type PointerWatch, pointerTelemetry, stateLoopTelemetry, switching } from "./internal/telemetry.js";
import { at, column } from "./internal/vector.js";
import { materializedRing } from "./memory-parts.js";

/** The engine on a CUDA device. */
export interface CudaBackend extends RingBackend {
  readonly kind: "cuda";
}

type Reals = "fp64" | "fp32";

function encode(values: ArrayLike<number>, format: Reals): Uint8Array {
  return new Uint8Array((format === "fp64" ? Float64Array.from(values) : Float32Array.from(values)).buffer);
}

function decode(bytes: Uint8Array, format: Reals): Float64Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes);
  return format === "fp64"
    ? new Float64Array(buffer, byteOffset, byteLength / 8)
    : Float64Array.from(new Float32Array(buffer, byteOffset, byteLength / 4));
}

function integers(bytes: Uint8Array): Int32Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes);
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

/** Typed arrays begin at multiples of their elements' size. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

/** x [B, T] as the kernels take it: time-major. */
function timeMajor(x: Float64Array, B: number): Float64Array {
  const T = x.length / B;
  return Float64Array.from({ length: x.length }, (_, n) => at(x, (n % B) * T + Math.floor(n / B)));
}

/** The pieces of the arena that the host reads after a step, out of the one copy that brings them. */
function outputsOf(bytes: Uint8Array, { arena }: CudaLayout, B: number, C: number, N: number, real: Reals) {
  const { plan, outputs } = arena;
  const piece = (from: number, length: number): Uint8Array =>
    bytes.subarray(from - outputs.at, from - outputs.at + length);
  return {
    losses: decode(piece(plan.at_losses, 8 * B), "fp64"),
    moved: decode(piece(plan.at_moved, 8 * B), "fp64"),
    raw_moved: decode(piece(plan.at_raw_moved, 8 * B), "fp64"),
    scaler: decode(piece(plan.at_scaler, 32), "fp64"),
    moves: integers(piece(plan.at_moves, 4 * N)),
    modes: integers(piece(plan.at_modes, 4 * N)),
    logits: decode(piece(plan.at_logits, arena.real_bytes * B * C), real),
  };
}

/**
 * The ring model on a CUDA device: its memory is taken here and never grows, and one step is one series of launches that
 * the host enqueues without waiting. Results are the same bit for bit on one kind of device; between devices of a different
 * number of multiprocessors sums are grouped differently. The backend owns `device` and frees it, also when this rejects:
 * `unsupported` for a batch beyond a block's shared memory, `out_of_memory` with what was reached by then.
 */
export async function createCudaBackend(config: RingConfig, device: RingDevice): Promise<CudaBackend> {
  try {
    return await create(config, device);
  } catch (error) {
    device.dispose();
    throw error;
  }
}

/** Why a device cannot execute a configuration, from the sizes alone; null where it can, if it has the memory. */
export function cudaRefusal(config: RingConfig, limits: CudaLimits): string | null {
  try {
    recurrenceMemory(config, cudaArena(config, limits).plan, limits);
    return null;
  } catch (error) {
    if (isRingEngineError(error) && error.code === "unsupported") return error.message;
    throw error;
  }
}

async function create(config: RingConfig, device: RingDevice): Promise<CudaBackend> {
  const { batch_size: B, synth_len: T, slot_dim: D, num_classes: C, window_radius } = config;
  const [N, W] = [T * B, 2 * window_radius + 1];
  const limits = device.facts;
  const layout = cudaLayout(config, limits);
  const steps = cudaSteps(config, layout, limits);
  const { arena } = layout;
  const { plan, parameters } = arena;
  const real: Reals = config.precision === "fp64" ? "fp64" : "fp32";
  const pointer: Reals = config.ptr_dtype;
  const scaled = scalesLoss(config);

  await device.allocate(arena.bytes);
  if (config.ring_history === "materialized") {
    for (let t = 0; t < T; t++) await device.allocate(materializedRing(config));
  }
  for (const { at: where, bytes } of layout.writes) await device.write(where, bytes);
  const writeScale = ({ scale, good_steps, skipped_updates }: LossScaleState): Promise<void> =>
    device.write(plan.at_scaler, encode([scale, good_steps, skipped_updates, 0], "fp64"));
  await writeScale({ scale: scaled ? LOSS_SCALE.initial : 1, good_steps: 0, skipped_updates: 0 });

  let state: "idle" | "running" | "disposed" = "idle";
  let packed = false;
  let ended = false;

  const requireIdle = (): void => {
    if (ended) throw new RingEngineError("disposed", "this backend was disposed of");
    if (state === "running") throw new RingEngineError("busy", "a step is still running: await it first");
  };
  const exclusively = async <R>(work: () => Promise<R>): Promise<R> => {
    requireIdle();
    state = "running";
    try {
      return await work();
    } finally {
      state = "idle";
      if (ended) device.dispose();
    }
  };
  const requireLength = (values: { readonly length: number }, length: number, what: string): void => {
    if (values.length === length) return;
    throw new RingEngineError("invalid_argument", `${what}: expected ${length} values, found ${values.length}`);
  };
  const count = plan.parameter_count;
  const readReals = async (from: number, length: number, format: Reals): Promise<Float64Array> =>
    decode(await device.read(from, (format === "fp64" ? 8 : 4) * length), format);
  const readIntegers = async (from: number, length: number): Promise<Int32Array> =>
    integers(await device.read(from, 4 * length));

  const traceOf = async (): Promise<StepTrace> => ({
    pointers: await readReals(plan.at_pointers, N, pointer),
    next_pointers: await readReals(plan.at_next_pointers, N, pointer),
    centers: await readIntegers(plan.at_centers, N * W),
    weights: await readReals(plan.at_weights, N * W, pointer),
    hidden: await readReals(plan.at_hidden + arena.real_bytes * B * D, N * D, real),
  });

  const step = async (request: StepRequest): Promise<StepOutcome> => {
    const { batch, mode, forced_pointers, state_loop_projection } = request;
    const inputs = new Uint8Array(arena.inputs.bytes);
    const put = (where: number, bytes: Uint8Array): void => inputs.set(bytes, where - arena.inputs.at);
    put(plan.at_unit, encode(batch.pointer_unit, "fp64"));
    put(plan.at_x, encode(timeMajor(batch.x, B), real));
    put(plan.at_targets, new Uint8Array(Int32Array.from(batch.y).buffer));
    const projection = config.state_loop_samples > 0 ? state_loop_projection : undefined;
    const launches = [...(packed ? [] : steps.pack), ...steps.launches(mode, forced_pointers !== undefined)];
    packed = false;
    const { time_s, bytes } = await device.run({
      writes: [
        { at: arena.inputs.at, bytes: inputs },
        ...(forced_pointers === undefined ? [] : [{ at: plan.at_forced, bytes: encode(forced_pointers, "fp64") }]),
        ...(projection === undefined ? [] : [{ at: plan.at_projection, bytes: encode(projection, real) }]),
      ],
      launches,
      reads: arena.outputs,
    });
    packed = mode !== "train";
    const { losses, moved, raw_moved, scaler, moves, modes, logits } = outputsOf(bytes, layout, B, C, N, real);
    const pointers: readonly PointerWatch[] = Array.from({ length: B }, (_, b) => ({
      switching: switching(column(moves, b, B)),
      moved: at(moved, b),
      raw: at(raw_moved, b),
    }));
    const watched = Array.from({ length: Math.min(B, config.state_loop_samples) }, (_, b) => column(modes, b, B));
    return {
      loss: losses.reduce((sum, loss) => sum + loss, 0) / B,
      logits,
      last_pointer_slot: moves.slice(-B),
      telemetry: pointerTelemetry(pointers, config),
      state_loop: watched.length === 0 ? null : stateLoopTelemetry(watched, config.state_loop_dim),
      trace: request.trace === true ? await traceOf() : null,
      device_time_s: time_s,
      ...(scaled && mode === "train" ? { loss_scaling: lossScaling(scaler) } : {}),
    };
  };

  const readScale = async (): Promise<LossScaleState> => {
    const values = await readReals(plan.at_scaler, 4, "fp64");
    return { scale: at(values, 0), good_steps: at(values, 1), skipped_updates: at(values, 2) };
  };

  return {
    kind: "cuda",
    config,
    parameters,
    readParameters: () => exclusively(() => readReals(plan.at_parameters, count, real)),
    writeParameters: (values) =>
      exclusively(async () => {
        requireLength(values, count, "parameters");
        packed = false;
        await device.write(plan.at_parameters, encode(values, real));
      }),
    readGradients: () =>
      exclusively(async (): Promise<Gradients> => {
        const values = await readReals(plan.at_gradients, count, real);
        const present = Array.from(await readIntegers(plan.at_present, parameters.length), (flag) => flag === 1);
        return { values, present };
      }),
    readOptimizer: () =>
      exclusively(async (): Promise<OptimizerState> => ({
        first_moment: await readReals(plan.at_first_moment, count, real),
        second_moment: await readReals(plan.at_second_moment, count, real),
        updates: await readIntegers(plan.at_updates, parameters.length),
        ...(scaled ? { loss_scale: await readScale() } : {}),
      })),
    writeOptimizer: ({ first_moment, second_moment, updates, loss_scale }: OptimizerState) =>
      exclusively(async () => {
        requireLength(first_moment, count, "first moments");
        requireLength(second_moment, count, "second moments");
        requireLength(updates, parameters.length, "update counts");
        await device.write(plan.at_first_moment, encode(first_moment, real));
        await device.write(plan.at_second_moment, encode(second_moment, real));
        await device.write(plan.at_updates, new Uint8Array(Int32Array.from(updates).buffer));
        if (scaled && loss_scale !== undefined) await writeScale(loss_scale);
      }),
    run: (request) => {
      checkStepRequest(request, config);
      return exclusively(() => step(request));
    },
    memoryBytes: () => device.memory().allocated_bytes,
    deviceMemory: () => device.memory(),
    dispose: () => {
      if (ended) return;
      ended = true;
      if (state === "idle") device.dispose();
    },
  };
}

/** After the step: the scale that was in effect is what the next one was made from. */
function lossScaling(scaler: Float64Array): LossScaling {
  const [scale, good_steps, skipped_updates, overflow] = [0, 1, 2, 3].map((i) => at(scaler, i));
  const skipped = overflow !== 0;
  const grew = !skipped && good_steps === 0;
  return {
    update: skipped ? "skipped" : "applied",
    scale: skipped ? (scale ?? 0) / LOSS_SCALE.backoff : grew ? (scale ?? 0) / LOSS_SCALE.growth : (scale ?? 0),
    skipped_updates: skipped_updates ?? 0,
  };
}
