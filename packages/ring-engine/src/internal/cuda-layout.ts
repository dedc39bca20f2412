import type { RingConfig } from "../backend.js";
import { ADAM_RANGE, type CudaArena, type CudaShape, GATES, POINTER_HEADS, cudaArena } from "./cuda-arena.js";
import { encodePlan, encodeTable } from "./cuda-plan.js";

/** A few products or sums in one launch: their rows in a table on the device. */
export interface CudaBatch {
  readonly at_table: number;
  readonly count: number;
  readonly blocks: number;
}

/** The steps between two delays of the sensory stage, with their products before and after. */
export interface CudaSegment {
  readonly begin: number;
  readonly end: number;
  readonly input_product: CudaBatch;
  readonly delayed_product: CudaBatch;
}

/** The arena of one configuration, what is written there before the first step, and what its launches work on. */
export interface CudaLayout {
  readonly arena: CudaArena;
  readonly writes: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  readonly segments: readonly CudaSegment[];
  readonly pack_count: number;
  /** The bridge from the sensory stage, forward and back, where its steps run by themselves. */
  readonly bridge: { readonly forward: CudaBatch; readonly backward: CudaBatch } | null;
  readonly weight_gradients: CudaBatch;
  readonly sums: CudaBatch;
}

/** Of native/cuda/ring_matrix.cuh. */
const TILE = 64;
const SUM_COLUMNS = 32;
const PACK = {
  forward: 0,
  backward_input: 1,
  backward_state: 2,
  heads: 3,
  bridge_forward: 4,
  bridge_backward: 5,
} as const;

interface Product {
  readonly a: readonly [at: number, row: number, depth: number];
  readonly b: readonly [at: number, depth: number, column: number];
  readonly bias?: number;
  readonly c: readonly [at: number, row: number];
  readonly size: readonly [rows: number, columns: number, depth: number];
  readonly squash?: boolean;
}

interface Sum {
  readonly a: readonly [at: number, row: number];
  readonly factor?: readonly [at: number, row: number];
  readonly result: number;
  readonly size: readonly [rows: number, columns: number];
}

/** Lays out the arena of a configuration that a device of this shape is to run. */
export function cudaLayout(config: RingConfig, shape: CudaShape): CudaLayout {
  const arena = cudaArena(config, shape);
  const { slot_dim: D, synth_len: T, batch_size: B, sensory_dim: S, sensory_ring: sensory } = config;
  const { plan, parameters, real_bytes: real } = arena;
  const N = T * B;
  const writes: { at: number; bytes: Uint8Array }[] = [{ at: 0, bytes: encodePlan(plan) }];
  let end = arena.tables.at;
  const table = (rows: readonly (readonly number[])[]): number => {
    const bytes = encodeTable(rows);
    const at = end;
    writes.push({ at, bytes });
    end = Math.ceil((at + bytes.length) / 256) * 256;
    if (end > arena.tables.at + arena.tables.bytes) throw new RangeError("the tables outgrow their place");
    return at;
  };

  // The packs come first: the plan says that they lie where the tables begin.
  const slotOf = (name: string): number => parameters.find((slot) => slot.name === name)?.offset ?? 0;
  const { units, gate_rows, unit_rows, sensory_units, sensory_gate_rows, sensory_unit_rows } = plan;
  const elements = arena.pack_elements;
  let first = 0;
  const packs: number[][] = [];
  const pack = (at: number, slot: number, kind: number, shape: readonly number[], count: number): void => {
    packs.push([at, slot, kind, ...shape, first]);
    first += count;
  };
  const gru = slotOf("gru.weight_ih");
  pack(plan.at_ih_forward, gru, PACK.forward, [D, D, units, gate_rows], elements.forward);
  pack(plan.at_hh_forward, gru + 3 * D * D, PACK.forward, [D, D, units, gate_rows], elements.forward);
  pack(plan.at_heads, slotOf("jump_score.weight"), PACK.heads, [D, D, POINTER_HEADS, POINTER_HEADS], elements.heads);
  pack(plan.at_ih_backward, gru, PACK.backward_input, [D, 3 * D, units, unit_rows], elements.backward);
  pack(plan.at_hh_backward, gru + 3 * D * D, PACK.backward_state, [D, 3 * D, units, unit_rows], elements.backward);
  if (sensory) {
    const state = slotOf("sensory_gru.weight_hh");
    pack(
      plan.at_sensory_forward,
      state,
      PACK.forward,
      [S, S, sensory_units, sensory_gate_rows],
      elements.sensory_forward,
    );
    const shape = [S, 3 * S, sensory_units, sensory_unit_rows];
    pack(plan.at_sensory_backward, state, PACK.backward_state, shape, elements.sensory_backward);
  }
  if (plan.fused === 1) {
    const { slot_bridge } = plan;
    pack(plan.at_bridge_forward, slot_bridge, PACK.bridge_forward, [D, S, units, unit_rows], elements.bridge_forward);
    pack(
      plan.at_bridge_backward,
      slot_bridge,
      PACK.bridge_backward,
      [S, D, sensory_units, sensory_unit_rows],
      elements.bridge_backward,
    );
  }
  table(packs);

  const products = (list: readonly Product[]): CudaBatch => {
    let tiles = 0;
    const rows = list.map(({ a, b, bias = -1, c, size: [m, n, k], squash = false }) => {
      const row = [...a, ...b, bias, ...c, m, n, k, squash ? 1 : 0, tiles];
      tiles += Math.ceil(m / TILE) * Math.ceil(n / TILE);
      return row;
    });
    return { at_table: table(rows), count: rows.length, blocks: tiles };
  };
  const sums = (list: readonly Sum[]): CudaBatch => {
    let tiles = 0;
    const rows = list.map(({ a, factor = [-1, 0], result, size: [n, m] }) => {
      const row = [...a, ...factor, result, n, m, tiles];
      tiles += Math.ceil(m / SUM_COLUMNS);
      return row;
    });
    return { at_table: table(rows), count: rows.length, blocks: tiles };
  };
  const of = (at: number, offset: number): number => at + real * offset;
  const gradient = (name: string, offset = 0): number => of(plan.at_gradients, slotOf(name) + offset);
  const parameter = (name: string): number => of(plan.at_parameters, slotOf(name));

  const segments = sensory ? Math.ceil(T / config.sensory_len) : 0;
  const sensorySegments: readonly CudaSegment[] = Array.from({ length: segments }, (_, i) => {
    const [begin, stop] = [i * config.sensory_len, Math.min((i + 1) * config.sensory_len, T)];
    const [first, rows] = [begin * B, (stop - begin) * B];
    return {
      begin,
      end: stop,
      input_product: products([
        {
          a: [of(plan.at_sensory_mixed, first * S), S, 1],
          b: [parameter("sensory_gru.weight_ih"), 1, S],
          bias: parameter("sensory_gru.bias_ih"),
          c: [of(plan.at_sensory_in, first * 3 * S), 3 * S],
          size: [rows, 3 * S, S],
        },
      ]),
      delayed_product: products([
        {
          a: [of(plan.at_sensory_gates, first * GATES * S + S), GATES * S, 1],
          b: [parameter("sensory_gru.weight_ih"), S, 1],
          c: [of(plan.at_sensory_dmixed, first * S), S],
          size: [rows, S, 3 * S],
        },
      ]),
    };
  });
  const bridge =
    sensory && plan.fused === 0
      ? {
          forward: products([
            {
              a: [of(plan.at_sensory_hidden, B * S), S, 1],
              b: [parameter("sensory_bridge.weight"), 1, S],
              bias: parameter("sensory_bridge.bias"),
              c: [plan.at_input, D],
              size: [N, D, S],
              squash: true,
            },
          ]),
          backward: products([
            {
              a: [plan.at_dinput, D, 1],
              b: [parameter("sensory_bridge.weight"), S, 1],
              c: [plan.at_sensory_dhidden, S],
              size: [N, S, D],
            },
          ]),
        }
      : null;
  /** The gradients of a cell's two matrices: gates (state_n, r, z, n) times what came in, and times the state before. */
  const cellGradients = (name: string, units_: number, gates: number, inputs_: number, states: number): Product[] => [
    {
      a: [of(gates, units_), 1, GATES * units_],
      b: [inputs_, units_, 1],
      c: [gradient(`${name}.weight_ih`), units_],
      size: [3 * units_, units_, N],
    },
    {
      a: [of(gates, units_), 1, GATES * units_],
      b: [states, units_, 1],
      c: [gradient(`${name}.weight_hh`), units_],
      size: [2 * units_, units_, N],
    },
    {
      a: [gates, 1, GATES * units_],
      b: [states, units_, 1],
      c: [gradient(`${name}.weight_hh`, 2 * units_ * units_), units_],
      size: [units_, units_, N],
    },
  ];
  const cellSums = (name: string, units_: number, gates: number): Sum[] => [
    { a: [of(gates, units_), GATES * units_], result: gradient(`${name}.bias_ih`), size: [N, 3 * units_] },
    { a: [of(gates, units_), GATES * units_], result: gradient(`${name}.bias_hh`), size: [N, 2 * units_] },
    { a: [gates, GATES * units_], result: gradient(`${name}.bias_hh`, 2 * units_), size: [N, units_] },
  ];
  const weight_gradients = products([
    ...cellGradients("gru", D, plan.at_gates, plan.at_mixed, plan.at_hidden),
    ...(sensory
      ? [
          ...cellGradients("sensory_gru", S, plan.at_sensory_gates, plan.at_sensory_mixed, plan.at_sensory_hidden),
          {
            a: [plan.at_dinput, 1, D],
            b: [of(plan.at_sensory_hidden, B * S), S, 1],
            c: [gradient("sensory_bridge.weight"), S],
            size: [D, S, N],
          } as const,
        ]
      : []),
  ]);
  const headSums = ["jump_score", "inertia_head", "deadzone_head", "walk_head"].flatMap((name, i): Sum[] => [
    {
      a: [of(plan.at_hidden, B * D), D],
      factor: [of(plan.at_head_gradients, i), POINTER_HEADS],
      result: gradient(`${name}.weight`),
      size: [N, D],
    },
    { a: [of(plan.at_head_gradients, i), POINTER_HEADS], result: gradient(`${name}.bias`), size: [N, 1] },
  ]);
  const inputSums = (from: number, width: number, name: string): Sum[] => [
    { a: [from, width], factor: [plan.at_x, 1], result: gradient(`${name}.weight`), size: [N, width] },
    { a: [from, width], result: gradient(`${name}.bias`), size: [N, width] },
  ];
  const all_sums = sums([
    ...cellSums("gru", D, plan.at_gates),
    ...headSums,
    ...(sensory
      ? [
          ...cellSums("sensory_gru", S, plan.at_sensory_gates),
          ...inputSums(plan.at_sensory_dmixed, S, "sensory_proj_in"),
          { a: [plan.at_dinput, D], result: gradient("sensory_bridge.bias"), size: [N, D] } as const,
        ]
      : inputSums(plan.at_dinput, D, "input_proj")),
  ]);
  const ranges = parameters.flatMap(({ offset, length }, slot) =>
    Array.from({ length: Math.ceil(length / ADAM_RANGE) }, (_, i) => [
      slot,
      offset + i * ADAM_RANGE,
      offset + Math.min((i + 1) * ADAM_RANGE, length),
    ]),
  );
  writes.push({ at: plan.at_ranges, bytes: encodeTable(ranges) });
  return {
    arena,
    writes,
    segments: sensorySegments,
    pack_count: packs.length,
    bridge,
    weight_gradients,
    sums: all_sums,
  };
}
