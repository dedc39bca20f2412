import type { RingConfig, StepRequest } from "../backend.js";
import { POINTER_HEADS } from "./cuda-arena.js";
import type { CudaBatch, CudaLayout } from "./cuda-layout.js";
import { type Resident, recurrenceMemory, recurrenceThreads } from "./cuda-shared-memory.js";

/** An argument of a kernel after the arena, which all of them take first. */
export type CudaArgument = readonly ["i32" | "i64" | "f64", number];

/** One kernel launch, in a grid of one dimension. */
export interface CudaLaunch {
  readonly kernel: string;
  readonly blocks: number;
  readonly threads: number;
  readonly shared_bytes: number;
  /** All blocks have to be resident at once: they wait for each other. */
  readonly cooperative: boolean;
  readonly args: readonly CudaArgument[];
}

/** What a device allows a block. */
export interface CudaLimits {
  readonly multiprocessors: number;
  readonly shared_bytes_per_block: number;
}

/** How the scale of the loss follows the gradients in fp16: that of the mixed-precision training the workload prescribes. */
export const LOSS_SCALE = { initial: 65_536, growth: 2, backoff: 0.5, grow_every: 2000 } as const;

/** Of native/cuda/ring_engine.cu, ring_matrix.cuh and ring_readout.cuh. */
const PLAIN_THREADS = 256;
const TILE_THREADS = 64;
const SUM_THREADS = 256;
const READOUT_THREADS = 128;
const READOUT_CLASSES = 4;
/** Blocks of a launch whose threads go through their elements in strides. */
const STRIDED_BLOCKS_PER_MULTIPROCESSOR = 4;

const i32 = (value: number): CudaArgument => ["i32", value];
const i64 = (value: number): CudaArgument => ["i64", value];

/** The launches of a training step, in the order in which they run on one stream. */
export interface CudaSteps {
  /** Copies changed parameters into the order in which the recurrences read them. */
  readonly pack: readonly CudaLaunch[];
  readonly launches: (mode: StepRequest["mode"], forced: boolean) => readonly CudaLaunch[];
}

/** Throws `unsupported` where a block of this device has too little shared memory for the batch. */
export function cudaSteps(config: RingConfig, layout: CudaLayout, limits: CudaLimits): CudaSteps {
  const { arena, bridge } = layout;
  const { plan, real_bytes: real, pointer_bytes: pointer } = arena;
  const { slot_dim: D, synth_len: T, batch_size: B, sensory_dim: S, num_classes: C, window_radius } = config;
  const W = 2 * window_radius + 1;
  const fused = plan.fused === 1;
  const { blocks } = plan;
  const suffix = real === 8 ? "f64" : "f32";
  const both = `${suffix}_${pointer === 8 ? "p64" : "p32"}`;
  const strided = STRIDED_BLOCKS_PER_MULTIPROCESSOR * limits.multiprocessors;

  const launch = (kernel: string, size: Partial<Omit<CudaLaunch, "kernel">>, ...args: CudaArgument[]): CudaLaunch => ({
    kernel,
    blocks: 1,
    threads: PLAIN_THREADS,
    shared_bytes: 0,
    cooperative: false,
    ...size,
    args,
  });
  /** One thread for each element. */
  const each = (kernel: string, elements: number, ...args: CudaArgument[]): CudaLaunch =>
    launch(kernel, { blocks: Math.ceil(elements / PLAIN_THREADS) }, ...args);
  /** Threads that go through the elements in strides. */
  const over = (kernel: string, elements: number, ...args: CudaArgument[]): CudaLaunch =>
    launch(kernel, { blocks: Math.min(strided, Math.ceil(elements / PLAIN_THREADS)) }, ...args);
  const products = ({ at_table, count, blocks: tiles }: CudaBatch): CudaLaunch =>
    launch(`ring_products_${suffix}`, { blocks: tiles, threads: TILE_THREADS }, i64(at_table), i32(count));
  const recurrence = (
    kernel: string,
    grid: number,
    threads: number,
    { shared_bytes, resident: kept }: Resident,
    ...args: CudaArgument[]
  ): CudaLaunch =>
    launch(
      kernel,
      { blocks: grid, threads, shared_bytes, cooperative: true },
      ...args,
      i32(kept.reduce((mask, is, bit) => mask | (is ? 1 << bit : 0), 0)),
      i64(shared_bytes),
    );

  const threads = recurrenceThreads(D);
  const sensoryThreads = recurrenceThreads(S);
  const shared = recurrenceMemory(config, plan, limits);

  const layoutOf = (name: string): { readonly index: number; readonly offset: number } => {
    const index = arena.parameters.findIndex((slot) => slot.name === name);
    return { index, offset: arena.parameters[index]?.offset ?? 0 };
  };
  const delayed = plan.at_sensory_mixed !== plan.at_sensory_input;
  const stepsOf = ({ begin, end }: { readonly begin: number; readonly end: number }): CudaArgument[] => [
    i64(begin),
    i64(end),
  ];

  const project = (name: string, to: number, width: number): CudaLaunch =>
    over(`ring_project_${suffix}`, T * B * width, i64(layoutOf(`${name}.weight`).offset), i64(to), i64(width));
  const sensoryForwardSteps = layout.segments.flatMap((segment): CudaLaunch[] => [
    ...(delayed ? [over(`ring_delay_${suffix}`, (segment.end - segment.begin) * B * S, ...stepsOf(segment))] : []),
    products(segment.input_product),
    ...(fused
      ? []
      : [
          recurrence(
            `ring_sensory_forward_${suffix}`,
            arena.sensory_blocks,
            sensoryThreads,
            shared.sensory_forward,
            ...stepsOf(segment),
          ),
        ]),
  ]);
  const sensoryBackwardSteps = [...layout.segments]
    .reverse()
    .flatMap((segment): CudaLaunch[] => [
      ...(fused
        ? []
        : [
            recurrence(
              `ring_sensory_backward_${suffix}`,
              arena.sensory_blocks,
              sensoryThreads,
              shared.sensory_backward,
              ...stepsOf(segment),
            ),
          ]),
      products(segment.delayed_product),
      ...(segment.begin > 0
        ? [over(`ring_delay_backward_${suffix}`, (segment.end - segment.begin) * B * S, ...stepsOf(segment))]
        : []),
    ]);
  const inputs: readonly CudaLaunch[] = config.sensory_ring
    ? [
        project("sensory_proj_in", plan.at_sensory_input, S),
        ...sensoryForwardSteps,
        ...(bridge === null ? [] : [products(bridge.forward)]),
      ]
    : [project("input_proj", plan.at_input, D)];
  const watched = Math.min(config.state_loop_samples, B);
  const forward = (forced: boolean): readonly CudaLaunch[] => [
    launch(`ring_start_${both}`, { blocks: strided }),
    ...inputs,
    recurrence(`ring_forward_${both}`, blocks, threads, shared.forward, i32(forced ? 1 : 0)),
    launch(`ring_logits_${suffix}`, { blocks: B * Math.ceil(C / READOUT_CLASSES), threads: READOUT_THREADS }),
    launch(`ring_loss_${suffix}`, { blocks: B, threads: READOUT_THREADS }),
    ...(watched > 0 ? [each(`ring_modes_${suffix}`, T * watched)] : []),
  ];

  const idle = config.sensory_ring ? layoutOf("input_proj.weight").index : arena.parameters.length;
  const jump = layoutOf("jump_score.weight").index;
  const backward: readonly CudaLaunch[] = [
    each(`ring_dfeature_${suffix}`, B * D),
    each(`ring_head_gradients_${suffix}`, config.expert_heads * (C * D + C)),
    recurrence(`ring_backward_${both}`, blocks, threads, shared.backward),
    ...(bridge === null ? [] : [products(bridge.backward)]),
    ...sensoryBackwardSteps,
    ...(config.sensory_ring ? [over(`ring_slope_${suffix}`, T * B * S)] : []),
    products(layout.weight_gradients),
    launch(
      `ring_sums_${suffix}`,
      { blocks: layout.sums.blocks, threads: SUM_THREADS },
      i64(layout.sums.at_table),
      i32(layout.sums.count),
    ),
    each(`ring_theta_gradients_${suffix}`, config.ring_len),
    launch(
      `ring_conclude_${suffix}`,
      {},
      i64(T > 1 ? 0 : 1),
      i64(idle),
      i64(idle + 2),
      i64(jump),
      i64(jump + 2 * POINTER_HEADS),
    ),
    ...(scalesLoss(config) ? [over(`ring_unscale_${suffix}`, plan.parameter_count)] : []),
  ];
  const update: readonly CudaLaunch[] = [
    launch(`ring_adam_${suffix}`, { blocks: plan.range_count }),
    launch(
      "ring_count",
      {},
      i64(scalesLoss(config) ? LOSS_SCALE.grow_every : 0),
      ["f64", LOSS_SCALE.growth],
      ["f64", LOSS_SCALE.backoff],
    ),
  ];
  const erase = (with_gradient: boolean): CudaLaunch =>
    launch(`ring_erase_${suffix}`, { blocks: T * B * W + B }, i64(with_gradient ? 1 : 0));

  return {
    pack: [over(`ring_pack_${suffix}`, plan.pack_elements, i32(layout.pack_count))],
    launches: (mode, forced) => [
      ...forward(forced),
      ...(mode === "forward" ? [] : backward),
      ...(mode === "train" ? update : []),
      erase(mode !== "forward"),
    ],
  };
}

/** Gradients in fp16 would vanish without it; bfloat16 has the range of fp32. */
export function scalesLoss({ precision }: Pick<RingConfig, "precision">): boolean {
  return precision === "fp16";
}
