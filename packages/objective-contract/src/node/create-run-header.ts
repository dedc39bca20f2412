import { type WorkloadSpec, computeWorkloadDigest, computeWorkloadId } from "@vrx/workload-schema";
import { type Contract, OBJECTIVE_V1, WORKLOAD_PAGE, contractReference } from "../contract.js";
import { ObjectiveContractError } from "../errors.js";
import { type HeartbeatPolicy, contractHeartbeat } from "../heartbeat.js";
import { issueList } from "../internal/fields.js";
import { type JsonObject, isJson } from "../json.js";
import { redactArgv, redactText } from "../redact.js";
import { readRunCommand, runCommandDocument } from "../run-command.js";
import { RUN_SCHEMA_VERSION, type RunDevice, type RunHeader, type StepTimeMode } from "../run-header.js";
import { requiredKnobs } from "../run-workload.js";
import { digestOf, probeId } from "./internal/load-run.js";
import { MAX_SAMPLES } from "./internal/read-files.js";

/** What a caller knows before a run; everything else of its header follows. */
export interface RunHeaderInput {
  /** With the batch size and precision that will really be run; labels are left out. */
  readonly workload: WorkloadSpec;
  readonly engine: string;
  readonly engine_version?: string | null;
  readonly device: RunDevice;
  readonly warmup_steps: number;
  readonly measure_steps: number;
  readonly step_time_mode: StepTimeMode;
  /** Automatic mixed precision; by default on for fp16, bf16 and amp, off for fp32 and fp64. */
  readonly amp?: boolean;
  /** The number of expert heads, 1 by default. */
  readonly out_dim?: number;
  /** Whatever else changes the result; free of secrets, since it is recorded as it is. */
  readonly run_options?: JsonObject;
  readonly seed?: number | string | null;
  readonly threads?: number | null;
  readonly contract?: Contract;
  readonly vram_guard_ratio?: number;
  /** Parts of the heartbeat policy that differ from the contract's; null for a run that nobody watches. */
  readonly heartbeat?: Partial<HeartbeatPolicy> | null;
  /** The command line; secrets are taken out of it here. */
  readonly argv?: readonly string[];
  readonly notes?: readonly string[];
  /** When the run was created; now by default. */
  readonly created?: Date;
}

/**
 * Makes the header of a run: computes its ids and digests, names the contract and both pages, and takes the
 * secrets out of the command line. Throws `invalid_header` with every issue, and
 * `vram_guard_ratio_out_of_range` when the contract does not allow the ratio.
 */
export function createRunHeader(input: RunHeaderInput): RunHeader {
  const contract = input.contract ?? OBJECTIVE_V1;
  const { min, max, default: ordinary } = contract.vram_guard_ratio;
  const vram_guard_ratio = input.vram_guard_ratio ?? ordinary;
  if (!(vram_guard_ratio >= min && vram_guard_ratio <= max)) {
    throw new ObjectiveContractError(
      "vram_guard_ratio_out_of_range",
      `vram_guard_ratio must lie in ${min} to ${max} (${contract.name}); found ${vram_guard_ratio}.`,
    );
  }
  const workload = requiredKnobs(input.workload);
  const { precision } = workload.ant_spec;
  const amp = input.amp ?? !["fp32", "fp64"].includes(precision);
  if (amp ? ["fp32", "fp64"].includes(precision) : precision === "amp") {
    throw invalid(`precision ${precision} ${amp ? "cannot be combined with" : "needs"} amp`);
  }
  const ids = { workload_id: computeWorkloadId(workload), out_dim: input.out_dim ?? 1, precision, amp };
  const run_options = input.run_options ?? {};
  if (!isJson(run_options, 64))
    throw invalid("run_options must be JSON (finite numbers, plain objects, at most 64 deep)");
  const header: RunHeader = {
    ...ids,
    schema_version: RUN_SCHEMA_VERSION,
    workload,
    workload_digest: computeWorkloadDigest(workload),
    probe_id: probeId(ids),
    run_options,
    run_options_digest: digestOf(run_options),
    engine: input.engine,
    engine_version: input.engine_version ?? null,
    device: input.device,
    warmup_steps: input.warmup_steps,
    measure_steps: input.measure_steps,
    step_time_mode: input.step_time_mode,
    seed: input.seed ?? null,
    threads: input.threads ?? null,
    contract: contractReference(contract),
    workload_page: WORKLOAD_PAGE,
    vram_guard_ratio,
    heartbeat: input.heartbeat === null ? null : { ...contractHeartbeat, ...input.heartbeat },
    argv: redactArgv(input.argv ?? []),
    created_utc: (input.created ?? new Date()).toISOString(),
    notes: (input.notes ?? []).map(redactText),
  };
  const read = readRunCommand(runCommandDocument(header));
  if (read.status === "invalid") throw invalid(issueList(read.issues));
  if (header.warmup_steps + header.measure_steps > MAX_SAMPLES) {
    throw invalid(
      `at most ${MAX_SAMPLES} steps can be recorded, asked for ${header.warmup_steps + header.measure_steps}`,
    );
  }
  return header;
}

function invalid(what: string): ObjectiveContractError {
  return new ObjectiveContractError("invalid_header", `This run cannot be described: ${what}.`);
}
