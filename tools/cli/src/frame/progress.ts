import type { Sink } from "./descriptor.js";
import { printable } from "./printable.js";

/** A line on a terminal that is rewritten in place. */
export interface ProgressLine {
  /** Shows `text` instead of what was there; calls that come too fast are dropped. */
  update(text: string): void;
  /** Takes the line away; the next update shows it again. */
  clear(): void;
}

/** Shows nothing. */
export const silentProgress: ProgressLine = { update: () => undefined, clear: () => undefined };

// A terminal redrawn more often than this is no easier to read, and over ssh it costs time.
const interval_ms = 100;

/** A progress line on a terminal; `now` is for tests. */
export function progressLine(stderr: Sink, columns = 80, now: () => number = () => performance.now()): ProgressLine {
  let shown = false;
  let last_ms = Number.NEGATIVE_INFINITY;
  return {
    update(text) {
      const time_ms = now();
      if (time_ms - last_ms < interval_ms) return;
      last_ms = time_ms;
      stderr.write(`\r\u001b[K${printable(text.replaceAll(/\s/g, " ")).slice(0, columns - 1)}`);
      shown = true;
    },
    clear() {
      if (!shown) return;
      stderr.write("\r\u001b[K");
      shown = false;
      last_ms = Number.NEGATIVE_INFINITY;
    },
  };
}
