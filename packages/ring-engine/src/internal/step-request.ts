import type { RingConfig, StepRequest } from "../backend.js";
import { RingEngineError } from "../errors.js";
import { at } from "./vector.js";

/** Throws `invalid_argument` unless the request's arrays have the shapes and domains of the configuration. */
export function checkStepRequest(request: StepRequest, config: RingConfig): void {
  const { batch_size: B, synth_len: T, slot_dim: D, num_classes: C } = config;
  const { batch, forced_pointers, state_loop_projection } = request;
  const refuse = (what: string, expected: string, found: string | number): never => {
    throw new RingEngineError("invalid_argument", `${what}: expected ${expected}, found ${found}`);
  };
  const length = (values: { readonly length: number }, expected: number, what: string): void => {
    if (values.length !== expected) refuse(what, `${expected} values`, values.length);
  };
  length(batch.x, B * T, "batch.x [B, T]");
  length(batch.y, B, "batch.y [B]");
  length(batch.pointer_unit, B, "batch.pointer_unit [B]");
  for (let b = 0; b < B; b++) {
    const label = at(batch.y, b);
    if (label < 0 || label >= C) refuse(`batch.y[${b}]`, `a class below ${C}`, label);
    const unit = at(batch.pointer_unit, b);
    if (!(unit >= 0 && unit <= 1)) refuse(`batch.pointer_unit[${b}]`, "a draw in [0, 1)", unit);
  }
  if (forced_pointers !== undefined) {
    length(forced_pointers, T * B, "forced_pointers [T, B]");
    const outside = forced_pointers.find((p) => !(p >= 0 && p <= config.ring_len));
    if (outside !== undefined) refuse("forced_pointers", `positions in [0, ${config.ring_len}]`, outside);
  }
  if (config.state_loop_samples > 0 && state_loop_projection === undefined) {
    refuse(
      "state_loop_projection",
      `[${D}, ${config.state_loop_dim}] (state_loop_samples is ${config.state_loop_samples})`,
      "none",
    );
  }
  if (state_loop_projection !== undefined) {
    length(state_loop_projection, D * config.state_loop_dim, "state_loop_projection [D, state_loop_dim]");
  }
}
