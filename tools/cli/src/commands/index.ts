import type { CommandDefinition, GroupDefinition } from "../frame/define-command.js";
import { batch } from "./batch.js";
import { bundle } from "./bundle.js";
import { calibrate } from "./calibrate.js";
import { capability } from "./capability.js";
import { check } from "./check.js";
import { compare } from "./compare.js";
import { completion } from "./completion.js";
import { digest } from "./digest.js";
import { doctor } from "./doctor.js";
import { gate } from "./gate.js";
import { manifest } from "./manifest.js";
import { native } from "./native.js";
import { run } from "./manifest-run.js";
import { packet } from "./packet.js";
import { probe } from "./probe.js";
import { report } from "./report.js";
import { residency } from "./residency.js";
import { ring } from "./ring.js";
import { runs } from "./runs.js";
import { seal } from "./seal.js";
import { sweep } from "./sweep.js";
import { version } from "./version.js";
import { worker } from "./worker.js";
import { workload } from "./workload.js";

/*
 * How to add a command. `src/commands/NAME.ts` declares it with `defineCommand`: its operands, options, examples and
 * exit codes, and `load: async () => (await import("../actions/NAME.js")).run`. It is read at every start of vrx, so it
 * imports nothing but the frame. `src/actions/NAME.ts` exports `run(call: NameCall)`; it imports the packages
 * it needs, prints its result with `call.output.print` (or one `printJson` with --json), says everything else with
 * `note`, `warn`, `progress` and `problem`, and returns one of `exitCodes`. What the user can mend is thrown as
 * `CliError` (exit 2) with a message that says what was expected, what was found and what to do; system errors may pass
 * through; anything else that is thrown is reported as a defect (exit 70). A long command sets `interruptible` and stops
 * when `call.signal` is aborted. Add the declaration to `commandTree` below, in the order of `docs/cli.md`, and run
 * `vitest -u` once for the snapshot of its help.
 */

/** The first lines of `vrx --help`. */
export const about = "Say exactly what ran on a GPU, and prove that the run counts.";

/** Every command of vrx, in the order the help lists them. */
export const commandTree: readonly (CommandDefinition | GroupDefinition)[] = [
  workload,
  probe,
  check,
  seal,
  ring,
  bundle,
  batch,
  capability,
  sweep,
  worker,
  packet,
  report,
  manifest,
  run,
  compare,
  calibrate,
  runs,
  doctor,
  gate,
  digest,
  residency,
  native,
  completion,
  version,
];
