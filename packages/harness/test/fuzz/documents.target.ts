import { batchTargetsText, readBatchTargets } from "../../src/batch/batch-targets.js";
import { capacityModelText, readCapacityModel } from "../../src/batch/read-capacity-model.js";
import { defineSweep, readSweep } from "../../src/sweep/read-sweep.js";

/** Finds texts that make a reader of sweeps, capacity models or batch targets throw, or take what it must refuse. */
export function fuzz(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);

  const sweep = readSweep(text, { filename: "f" });
  if (sweep.status === "ok") {
    defineSweep(sweep.sweep);
    must(sweep.sweep.seeds.length > 0, "a sweep has a seed");
    must(readSweep(JSON.stringify(sweep.sweep)).status === "ok", "a sweep is read again as JSON");
  } else {
    must(sweep.issues.length > 0, "a refusal says why");
    for (const { line, column, message } of sweep.issues) {
      must(line === null || line >= 1, "lines count from 1");
      must(column === null || column >= 1, "columns count from 1");
      must(message.startsWith("f"), "a message names the file");
    }
  }

  const model = readCapacityModel(text);
  if (model.status === "invalid") must(model.issues.length > 0, "a refusal says why");
  else {
    const again = readCapacityModel(capacityModelText(model.model));
    must(again.status === "ok", "a model is read back as it was written");
    for (const { per_batch_alloc_bytes: slope } of model.model.combos)
      must(slope === null || slope >= 1, "memory grows");
  }

  const targets = readBatchTargets(text);
  if (targets.status === "invalid") must(targets.issues.length > 0, "a refusal says why");
  else {
    must(readBatchTargets(batchTargetsText(targets.targets)).status === "ok", "targets are read back");
    for (const row of targets.targets.rows) must(row.unusable || row.chosen_batch !== null, "a usable row has a batch");
  }
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
