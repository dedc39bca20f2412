import { choice } from "../frame/options.js";

/** `--engine`, for commands that execute the ring. */
export const engineOption = choice(
  ["auto", "reference", "cpu", "cuda"],
  "what executes it: the float64 reference in TypeScript, the native CPU engine, or a GPU; auto is the fastest there is",
  "auto",
);

/** `--ring-history`, for commands that measure the ring. */
export const ringHistoryOption = choice(
  ["inplace", "materialized"],
  "one ring, or on the cuda engine a ring kept for every time step, as automatic differentiation does (default: inplace)",
  undefined,
);
