import { type BatchEstimate, comboSpec, estimateBatch, estimateBatchBySizes } from "@vrx/harness";
import { type WorkloadSpec, formatIssues, toSafeInts } from "@vrx/workload-schema";
import type { BatchEstimateCall } from "../commands/batch-estimate.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { composeSpec } from "../inputs/ant-colony.js";
import { capacityModelOf } from "../inputs/capacity-model.js";
import { jsonObjectOf } from "../inputs/json-file.js";
import { readNamedSpec } from "../inputs/spec-source.js";

/** Says which batch to start with and which is the most. */
export async function run(call: BatchEstimateCall): Promise<ExitCode> {
  const { options, output } = call;
  const spec = await specOf(call);
  const gpu = await runtimeOf(options);
  const estimate = await estimateOf(call, spec, gpu);
  if (estimate.status === "refused") {
    const hint = estimate.code === "gpu_mismatch" ? " (--allow-gpu-mismatch)" : "";
    throw new CliError("bad_input", `${estimate.reason}${hint}`);
  }
  // Scripts that know the reference's tool look for this word.
  for (const warning of estimate.warnings) output.problem(`WARNING: ${warning}`);
  if (options.json) output.printJson({ ...estimate, total_vram_bytes: gpu.total_vram_bytes, gpu_name: gpu.gpu_name });
  if (estimate.status === "none_fits") {
    output.problem(`no batch fits: ${estimate.reason}`);
    return exitCodes.fail;
  }
  if (options.json) return exitCodes.ok;
  if (estimate.safe_start === null) output.problem("not even one sample stays within the safe share; MAX is beyond it");
  else output.print(`SAFE_START=${estimate.safe_start}`);
  output.print(`MAX=${estimate.max}`);
  if (estimate.basis === "predicted") output.note("by the sizes alone: `vrx batch find` confirms it");
  return exitCodes.ok;
}

async function estimateOf({ options }: BatchEstimateCall, spec: WorkloadSpec, gpu: Runtime): Promise<BatchEstimate> {
  const { model: file, heads } = options;
  if (file === undefined) return estimateBatchBySizes(spec, heads, gpu.total_vram_bytes);
  if (heads !== 1)
    throw new CliError("bad_arguments", `--heads: a capacity model is for 1 expert head, found ${heads}`);
  const model = await capacityModelOf(file);
  const combo = comboSpec(spec, model.track.precision);
  return estimateBatch(model, combo, { ...gpu, allowMismatch: options["allow-gpu-mismatch"] });
}

async function specOf({ operands, options }: BatchEstimateCall): Promise<WorkloadSpec> {
  const { ant, colony, precision } = options;
  const given = [operands.spec, ant, colony].map((word) => word !== undefined).join();
  if (given !== "true,false,false" && given !== "false,true,true") {
    throw new CliError("bad_arguments", "expected SPEC, or both --ant and --colony instead of it");
  }
  const named =
    operands.spec === undefined
      ? await composeSpec(ant ?? "", colony ?? "", { precision, batch_size: 1 })
      : await readNamedSpec(operands.spec);
  if (named.status === "invalid") throw new CliError("bad_input", named.problems.join("\n"));
  const { ant_spec } = named.spec;
  const safe = toSafeInts({ ...named.spec, ant_spec: precision === undefined ? ant_spec : { ...ant_spec, precision } });
  if (safe.status === "ok") return safe.spec;
  throw new CliError("bad_input", formatIssues(safe.issues, { filename: operands.spec ?? "--ant and --colony" }));
}

interface Runtime {
  readonly total_vram_bytes: number;
  readonly gpu_name: string | null;
}

async function runtimeOf(options: BatchEstimateCall["options"]): Promise<Runtime> {
  const { "total-vram-bytes": total, "env-json": file } = options;
  if (total !== undefined && file !== undefined) {
    throw new CliError("bad_arguments", "expected one of --total-vram-bytes and --env-json, found both");
  }
  if (total !== undefined) return { total_vram_bytes: total, gpu_name: null };
  if (file === undefined) {
    throw new CliError("bad_arguments", "runtime VRAM is required: give --total-vram-bytes N or --env-json FILE");
  }
  const { total_vram_bytes: bytes = null, gpu_name = null } = await jsonObjectOf(file);
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 1) {
    const found = JSON.stringify(bytes);
    const problem = `${file}: /total_vram_bytes: expected a whole number of at least 1, found ${found}`;
    throw new CliError("bad_input", `${problem}: runtime VRAM is required, give --total-vram-bytes N`);
  }
  return { total_vram_bytes: bytes, gpu_name: typeof gpu_name === "string" ? gpu_name : null };
}
