import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tierOf } from "@vrx/ant-ratio";
import {
  BATCH_TARGETS_SCHEMA,
  type BatchSearch,
  type BatchTarget,
  type CapacityModel,
  type MemoryShare,
  type ProbeOptions,
  type SearchBatchOptions,
  type Workload,
  batchProbe,
  batchTarget,
  batchTargetsText,
  budgetShare,
  capacityShare,
  comboSpec,
  commandWorkload,
  deviceShare,
  estimateBatch,
  fileLimits,
  isHarnessError,
  limitKey,
  planProbe,
  ringProcess,
  searchBatch,
  sectionPresets,
  supportedBatch,
  vramShare,
} from "@vrx/harness";
import { collectEnv } from "@vrx/objective-contract/node";
import { type WorkloadSpec, formatIssues, toSafeInts } from "@vrx/workload-schema";
import type { BatchFindCall } from "../commands/batch-find.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { figure, table } from "../frame/table.js";
import { capacityModelOf } from "../inputs/capacity-model.js";
import { readNamedSpecs } from "../inputs/spec-source.js";
import { fakeDevice, namedEngine } from "../inputs/named-engine.js";
import { requireNoRingOptions } from "../inputs/program-options.js";

const TARGETS_FILE = "ant_ratio_batch_targets_v0.json";

interface Configuration {
  readonly name: string;
  readonly spec: WorkloadSpec;
  readonly heads: number;
}

/** Finds the batch size of each spec, and writes the targets after each. */
export async function run(call: BatchFindCall): Promise<ExitCode> {
  const { options, output, signal } = call;
  const out = options.out ?? "batches";
  const found: (Configuration & { readonly search: BatchSearch; readonly target: BatchTarget })[] = [];
  const configurations = await configurationsOf(call);
  const share = shareOf(call);
  const { workload, vram_bytes } = await measuredOf(call);
  const model = options.model === undefined ? undefined : await capacityModelOf(options.model);
  const total_vram_bytes = share.key === "memory_budget_ratio" ? null : await vramOf(options, vram_bytes, model);
  mkdirSync(out, { recursive: true });
  for (const one of configurations) {
    const name = `${one.name} E${one.heads}`;
    const search = await searchOne(call, { workload, share, model, total_vram_bytes, out }, one, name);
    const target = batchTarget({ ...factsOf(one), ratio_key: share.key }, search, out);
    found.push({ ...one, search, target });
    writeFileSync(
      join(out, TARGETS_FILE),
      batchTargetsText({
        schema_version: BATCH_TARGETS_SCHEMA,
        generated_utc: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
        out_root: out,
        rows: found.map((row) => row.target),
      }),
    );
    output.progress().clear();
    if (search.status === "error") throw new CliError("bad_environment", `${name}: ${search.reason}`);
    if (!options.json) searchLines(name, share, search).forEach((line) => output.print(line));
    if (search.status === "cancelled") break;
  }
  if (options.json) {
    output.printJson({
      out,
      ratio_key: share.key,
      searches: found.map(({ name, heads, search, target }) => ({ spec: name, heads, target, ...search })),
    });
  } else output.print(`targets: ${quoteName(join(out, TARGETS_FILE))}`);
  signal.throwIfAborted();
  const statuses = found.map(({ search }) => search.status);
  if (statuses.includes("none_passes")) return exitCodes.fail;
  return statuses.includes("no_ratio") ? exitCodes.noEvidence : exitCodes.ok;
}

async function configurationsOf({ operands, options }: BatchFindCall): Promise<readonly Configuration[]> {
  const heads = (options.heads ?? "1").split(",").map((word) => {
    const number = /^\d{1,6}$/.test(word) ? Number(word) : 0;
    if (number >= 1) return number;
    throw new CliError("bad_arguments", `--heads: expected whole numbers of at least 1, found ${JSON.stringify(word)}`);
  });
  const problems: string[] = [];
  const { precision } = options;
  const specs = (await readNamedSpecs(operands.specs, "strict")).flatMap((named) => {
    if (named.status === "invalid") {
      problems.push(...named.problems);
      return [];
    }
    const { ant_spec } = named.spec;
    const ant = precision === undefined ? ant_spec : { ...ant_spec, precision };
    const safe = toSafeInts({ ...named.spec, ant_spec: ant });
    if (safe.status === "ok") return [{ name: named.name, spec: safe.spec }];
    problems.push(formatIssues(safe.issues, { filename: named.name }));
    return [];
  });
  if (problems.length > 0) throw new CliError("bad_input", problems.join("\n"));
  return specs.flatMap((one) => heads.map((count) => ({ ...one, heads: count })));
}

function shareOf({ options, rest }: BatchFindCall): MemoryShare {
  const { engine, device, "memory-budget-bytes": budget, "fake-driver": fake } = options;
  const onGpu = engine === "cuda" || fake || (device !== undefined && device !== "cpu");
  if (budget !== undefined) return { key: "memory_budget_ratio", memory_budget_bytes: budget };
  if (rest !== undefined || onGpu) return { key: "vram_ratio_reserved" };
  throw new CliError(
    "bad_environment",
    "the ring takes GPU memory only on a GPU: choose one with --engine cuda, declare --memory-budget-bytes N, " +
      "or give a program after `--` that reports its GPU memory",
  );
}

interface Measured {
  readonly workload: Workload;
  /** The memory of the GPU that it runs on, as far as that is known before it runs. */
  readonly vram_bytes: number | null;
}

async function measuredOf({ options, rest, output }: BatchFindCall): Promise<Measured> {
  const { engine, threads, device, "ring-history": ring_history, "fake-driver": fake } = options;
  if (rest === undefined) {
    const onGpu = device !== undefined && device !== "cpu";
    if (onGpu && (engine === "cpu" || engine === "reference")) {
      throw new CliError(
        "bad_arguments",
        `--device: the ${engine} engine runs on the cpu, found ${JSON.stringify(device)}`,
      );
    }
    const named = await namedEngine(engine, output, {
      ...(threads === undefined ? {} : { threads }),
      ...(onGpu ? { device } : {}),
      ...(await fakeDevice(fake)),
    });
    return {
      workload: ringProcess(named, ring_history === undefined ? {} : { ring_history }),
      vram_bytes: named.device?.total_bytes ?? null,
    };
  }
  const [file, ...args] = rest;
  if (file === undefined) throw new CliError("bad_arguments", "expected a command after `--`, found nothing");
  requireNoRingOptions({
    "--fake-driver": fake,
    "--engine": engine !== "auto",
    "--threads": threads !== undefined,
    "--ring-history": ring_history !== undefined,
  });
  const workload = commandWorkload({ argv: [file, ...args], ...(device === undefined ? {} : { device }) });
  return { workload, vram_bytes: null };
}

/** The memory of the GPU as far as it is known before the first probe. */
async function vramOf(
  options: BatchFindCall["options"],
  vram_bytes: number | null,
  model: CapacityModel | undefined,
): Promise<number | null> {
  const known = options["total-vram-bytes"] ?? vram_bytes;
  if (known !== null) return known;
  const { total_vram_bytes } = await collectEnv({ precision: "fp32", amp: false });
  return total_vram_bytes ?? model?.calibrated_on.total_vram_bytes ?? null;
}

interface Surroundings {
  readonly workload: Workload;
  readonly share: MemoryShare;
  readonly model: CapacityModel | undefined;
  readonly total_vram_bytes: number | null;
  readonly out: string;
}

async function searchOne(
  { options, output, signal }: BatchFindCall,
  { workload, share, model, total_vram_bytes, out }: Surroundings,
  { spec, heads }: Configuration,
  name: string,
): Promise<BatchSearch> {
  const planning: ProbeOptions = {
    heads,
    warmup_steps: options["warmup-steps"],
    measure_steps: options["measure-steps"],
    seed: options.seed,
    argv: ["vrx", ...process.argv.slice(2)],
  };
  const { target = 0.85, low = Math.min(0.82, target), high = Math.max(0.88, target) } = options;
  const runs = join(out, "runs", name.replaceAll(/[^\w.-]+/g, "_"));
  try {
    const max_batch = await supportedBatch(workload, spec, planning);
    const smallest = { ...spec, colony_spec: { ...spec.colony_spec, batch_size: 1 } };
    const { header, description } = await planProbe(workload, smallest, planning);
    const predict = await predictionOf({ workload, share, model, total_vram_bytes, out }, spec, heads, planning);
    const search: SearchBatchOptions = {
      target_ratio: target,
      band: [low, high],
      max_probes: options["max-probes"],
      max_batch,
      time_limit_s: options["time-limit"],
      limits: fileLimits(join(out, "limits.json")),
      limit_key: limitKey({
        combo: comboSpec(spec, spec.ant_spec.precision),
        heads,
        amp: header.amp,
        engine: header.engine,
        run_options: description.run_options ?? {},
        memory: share.key === "memory_budget_ratio" ? { ...share } : { key: share.key, bytes: total_vram_bytes },
      }),
      signal,
      onProbe: ({ batch, status, ratio }) => output.note(`${name}: batch ${batch}: ${status}, ${figure(ratio)}`),
      ...(predict === undefined ? {} : { predict }),
    };
    const start = startOf(model, spec, total_vram_bytes);
    output.progress().update(`${name}: probing`);
    const found = await searchBatch(batchProbe(workload, spec, { ...planning, share, out: runs }), {
      ...search,
      ...start,
    });
    if (found.status === "in_band" || found.batch !== max_batch) return found;
    const note = `the ${header.engine} engine takes at most ${max_batch} samples of this workload on this device`;
    return { ...found, notes: [...found.notes, note] };
  } catch (error) {
    if (!isHarnessError(error)) throw error;
    const code = error.code === "command_not_found" ? "bad_environment" : "bad_input";
    throw new CliError(code, `${name}: ${error.message}`, { cause: error });
  }
}

async function predictionOf(
  { workload, share, model, total_vram_bytes }: Surroundings,
  spec: WorkloadSpec,
  heads: number,
  planning: Parameters<typeof budgetShare>[2],
): Promise<((batch: number) => number) | undefined> {
  if (share.key === "memory_budget_ratio") {
    return budgetShare(workload, spec, planning, share.memory_budget_bytes);
  }
  if (total_vram_bytes === null) return undefined;
  const combo = model === undefined ? {} : comboSpec(spec, model.track.precision);
  const fitted = model === undefined ? undefined : capacityShare(model, combo, total_vram_bytes);
  const own = fitted ?? (await deviceShare(workload, spec, planning, total_vram_bytes));
  return own ?? vramShare(spec, heads, total_vram_bytes);
}

/** The safe start of a model, and the largest batch it knows to pass on this very GPU. */
function startOf(
  model: CapacityModel | undefined,
  spec: WorkloadSpec,
  total_vram_bytes: number | null,
): Pick<SearchBatchOptions, "start"> {
  if (model === undefined || total_vram_bytes === null) return {};
  const combo = comboSpec(spec, model.track.precision);
  const estimate = estimateBatch(model, combo, { total_vram_bytes, gpu_name: null });
  return estimate.status === "ok" && estimate.safe_start !== null ? { start: estimate.safe_start } : {};
}

function factsOf({ name, spec, heads }: Configuration): Omit<Parameters<typeof batchTarget>[0], "ratio_key"> {
  const { ring_len, slot_dim, precision } = spec.ant_spec;
  return {
    ant_tier: tierOf(ring_len, slot_dim),
    colony: sectionPresets(spec).colony ?? name,
    expert_heads: heads,
    precision,
    amp: ["fp16", "bf16", "amp"].includes(precision) ? 1 : 0,
  };
}

function searchLines(name: string, share: MemoryShare, search: BatchSearch): readonly string[] {
  const head = ["batch", "", "predicted", share.key, "why"];
  const rows = search.observations.map(({ batch, status, predicted_ratio, ratio, reason }) => [
    String(batch),
    status,
    predicted_ratio === null ? "-" : predicted_ratio.toFixed(3),
    ratio === null ? "-" : ratio.toFixed(4),
    reason ?? "",
  ]);
  const batch = search.batch === null ? "no batch" : `batch ${search.batch}`;
  return [
    `${name}: ${batch} after ${search.probes} probes (${search.status}: ${search.reason})`,
    ...(rows.length === 0 ? [] : table([head, ...rows]).map((line) => `  ${line}`)),
    ...search.notes.map((note) => `  ${note}`),
  ];
}
