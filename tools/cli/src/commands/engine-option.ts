import { choice } from "../frame/options.js";

/** `--engine`, for commands that execute the ring. */
export const engineOption = choice(
  ["auto", "reference", "cpu", "cuda"],
  "what executes it: the float64 reference in TypeScript, the native CPU engine, or a GPU; auto is the fastest there is",
  "auto",
);
