import type { RingConfig } from "./backend.js";

/** Where one named parameter lies in the flat vector. `shape` is [] for a scalar. */
export interface ParameterSlot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** The parameters of a configuration, in the order in which every engine lays them out. */
export function parameterLayout(config: RingConfig): readonly ParameterSlot[] {
  const { ring_len: R, slot_dim: D, sensory_dim: S, expert_heads: E, num_classes: C } = config;
  const sensory: [string, number[]][] = [
    ["sensory_proj_in.weight", [S, 1]],
    ["sensory_proj_in.bias", [S]],
    ["sensory_gru.weight_ih", [3 * S, S]],
    ["sensory_gru.weight_hh", [3 * S, S]],
    ["sensory_gru.bias_ih", [3 * S]],
    ["sensory_gru.bias_hh", [3 * S]],
    ["sensory_bridge.weight", [D, S]],
    ["sensory_bridge.bias", [D]],
  ];
  const heads: [string, number[]][] = Array.from({ length: E }, (_, e) => {
    const name = E === 1 ? "head.single" : `head.experts.${e}`;
    return [
      [`${name}.weight`, [C, D]],
      [`${name}.bias`, [C]],
    ] as [string, number[]][];
  }).flat();
  const scalarHead = (name: string): [string, number[]][] => [
    [`${name}.weight`, [1, D]],
    [`${name}.bias`, [1]],
  ];
  const shapes: [string, number[]][] = [
    ["theta_ptr_reduced", [R]],
    ["theta_gate_reduced", [R]],
    ["context_logit", []],
    ...(config.sensory_ring ? sensory : []),
    ["input_proj.weight", [D, 1]],
    ["input_proj.bias", [D]],
    ["gru.weight_ih", [3 * D, D]],
    ["gru.weight_hh", [3 * D, D]],
    ["gru.bias_ih", [3 * D]],
    ["gru.bias_hh", [3 * D]],
    ...scalarHead("jump_score"),
    ...scalarHead("inertia_head"),
    ...scalarHead("deadzone_head"),
    ...scalarHead("walk_head"),
    ...heads,
  ];
  let offset = 0;
  return shapes.map(([name, shape]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const slot = { name, shape, offset, length };
    offset += length;
    return slot;
  });
}
