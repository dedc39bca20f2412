import { setImmediate } from "node:timers/promises";

/** Runs a generator to its end on a thread that may block. */
export function driveSync<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
  }
}

/** Runs a generator to its end and lets the event loop turn between its steps. */
export async function drive<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
    await setImmediate();
  }
}
