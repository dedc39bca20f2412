import type { EnvFacts } from "./env-facts.js";
import type { RunHeader } from "./run-header.js";
import type { RunOutcome } from "./run-outcome.js";
import type { StepSample } from "./step-sample.js";

/** A whole run: what was asked, where it ran, what was observed, how it ended. All that `judge` looks at. */
export interface RunRecord {
  readonly header: RunHeader;
  readonly env: EnvFacts;
  readonly samples: readonly StepSample[];
  readonly outcome: RunOutcome;
}
