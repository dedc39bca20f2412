import type { AddBlocker, Blocker } from "./blocker.js";
import type { HostFacts } from "./host-facts.js";
import { customBlockers, honourBlockers } from "./internal/check-honoured.js";
import { pointerOf } from "./internal/to-issue.js";
import { fieldsOf, fieldsOfDefaults } from "./manifest-fields.js";
import type { Plan, PlannedExperiment, PlannedProcess, PlannedRun } from "./plan-manifest.js";

/**
 * Everything that keeps the targets of a plan from running on a host: the backend, its devices, data, tokenizers,
 * teachers, the network, memory, and every field that the backend would accept and not honour. Empty: it will run.
 */
export function checkRunnable(plan: Plan, host: HostFacts): readonly Blocker[] {
  return [
    ...defaultsBlockers(plan, host),
    ...plan.targets.flatMap((target) =>
      target.type === "experiment" ? experimentBlockers(target, plan.defaults, host) : processBlockers(target, host),
    ),
  ];
}

/** What the defaults ask for and the backend of a target would not honour. */
function defaultsBlockers({ defaults, targets }: Plan, { backends }: HostFacts): readonly Blocker[] {
  const blockers: Blocker[] = [];
  const names = new Set(targets.flatMap((target) => (target.type === "experiment" ? [target.lowered.backend] : [])));
  for (const name of names) {
    const facts = backends[name];
    if (facts?.status !== "available") continue;
    honourBlockers(fieldsOfDefaults(defaults), name, facts.capabilities, ({ code, message, fix, path }) => {
      blockers.push({ code, message, fix, target: null, run: null, pointer: pointerOf(path) });
    });
  }
  return blockers;
}

function experimentBlockers(
  target: PlannedExperiment,
  defaults: Plan["defaults"],
  host: HostFacts,
): readonly Blocker[] {
  const blockers: Blocker[] = [];
  const add: AddBlocker = ({ path, run = null, ...rest }) =>
    void blockers.push({
      ...rest,
      target: target.name,
      run,
      pointer: pointerOf(["targets", target.index, ...path]),
    });
  const { backend, runs, lowered } = target;
  const facts = host.backends[lowered.backend];
  if (facts?.status !== "available") {
    const others = Object.entries(host.backends).flatMap(([name, one]) =>
      one.status === "available" ? [`--backend ${name}`] : [],
    );
    add({
      code: "backend_unavailable",
      path: ["backend"],
      message: `the backend ${backend} is not available: ${facts?.reason ?? "this version has none of that name"}`,
      fix: [facts?.fix, ...others].filter(Boolean).join(", or use ") || "another backend",
    });
  }
  // Without its backend, a run can still be told that its device is nobody's.
  const devices =
    facts?.status === "available"
      ? facts.devices
      : Object.values(host.backends).flatMap((one) => (one.status === "available" ? one.devices : []));
  if (runs.length === 0)
    add({
      code: "nothing_to_run",
      path: ["runs"],
      message: `the target ${target.name} has no runs`,
      fix: "add a run",
    });
  for (const [index, run] of runs.entries()) runBlockers(target, run, index, devices, host, add);
  dataBlockers(lowered, host, add);
  tokenizerBlockers(lowered, defaults, host, add);
  if (facts?.status === "available") customBlockers(lowered, backend, facts.capabilities, host, add);
  if (facts?.status === "available")
    honourBlockers(fieldsOf(lowered, target.index), backend, facts.capabilities, ({ path, ...rest }) =>
      add({ ...rest, path: path.slice(2) }),
    );
  return blockers;
}

function runBlockers(
  { lowered, backend }: PlannedExperiment,
  run: PlannedRun,
  index: number,
  devices: readonly string[],
  host: HostFacts,
  add: AddBlocker,
): void {
  const path = ["runs", index, "train"];
  if (!hasDevice(devices, run.device))
    add({
      code: "device_unavailable",
      path: [...path, "device"],
      run: run.id,
      message: `the device ${run.device} is not available to ${backend} here; there are ${devices.join(", ") || "none"}`,
      fix: devices[0] === undefined ? "another backend" : `--device ${devices[0]}`,
    });
  const teacher = lowered.runs[index]?.train.teacher_ckpt ?? null;
  if (teacher !== null) {
    const isRemote = /^[a-z]+:\/\//.test(teacher);
    if (isRemote && !host.network)
      add({
        code: "network_needed",
        path: [...path, "teacher_ckpt"],
        run: run.id,
        message: `the teacher ${teacher} has to be fetched, and the network is not to be used`,
        fix: "allow the network, or write the path of a file here",
      });
    if (!isRemote && !host.exists(teacher))
      add({
        code: "teacher_missing",
        path: [...path, "teacher_ckpt"],
        run: run.id,
        message: `the teacher ${teacher} is not there`,
        fix: "write the path of a checkpoint here",
      });
  }
  if (run.device === "cpu" && host.memory_bytes !== null && (run.peak_memory_bytes ?? 0) > host.memory_bytes)
    add({
      code: "memory_estimate_exceeds",
      path: [...path, "batch_size"],
      run: run.id,
      message: `the run ${run.id} will need about ${inGigabytes(run.peak_memory_bytes ?? 0)}, and there are ${inGigabytes(host.memory_bytes)}`,
      fix: "a smaller batch_size with gradient_accumulation_steps, a smaller block_size, or activation_checkpointing",
    });
}

const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** `cuda` is any of `cuda:0`, `cuda:1`. */
function hasDevice(devices: readonly string[], wanted: string): boolean {
  return devices.some((device) => device === wanted || device.startsWith(`${wanted}:`));
}

function dataBlockers({ data, benchmarks }: PlannedExperiment["lowered"], host: HostFacts, add: AddBlocker): void {
  const made = new Set<string>();
  if (data.impl === null) {
    const prepare = "prepare" in data.config ? data.config.prepare : null;
    const named = data.ref === "dataset.tensors" ? Object.entries(data.config.files) : [];
    const keys = Object.entries(data.config).flatMap(([key, value]) =>
      (key === "path" || key.endsWith("_path")) && typeof value === "string" ? [[key, value] as const] : [],
    );
    const files: readonly (readonly [string, string])[] = [...keys, ...named];
    const missing = files.filter(([, file]) => !host.exists(file));
    const canMake = prepare !== null && (prepare.type !== "generate" || host.generate_data);
    // What can be made is one obstacle at most, not another one for each benchmark that reads it.
    if (prepare !== null) for (const [, file] of files) made.add(file);
    if (missing.length > 0 && prepare?.type === "fineweb" && !host.network)
      add({
        code: "network_needed",
        path: ["data", "config", "prepare"],
        message: `${missing[0]?.[1] ?? ""} has to be made from ${prepare.dataset}, and the network is not to be used`,
        fix: "allow the network, or write the path of a file that is here",
      });
    if (missing.length > 0 && prepare?.type === "text")
      for (const [index, file] of prepare.files.entries())
        if (!host.exists(file))
          add({
            code: "dataset_missing",
            path: ["data", "config", "prepare", "files", index],
            message: `the text ${file} is not there`,
            fix: "write the path of a text here",
          });
    if (!canMake)
      for (const [key, file] of missing)
        add({
          code: "dataset_missing",
          path: ["data", "config", ...(data.ref === "dataset.tensors" ? ["files"] : []), key],
          message: `the data ${file} is not there`,
          fix:
            prepare?.type === "generate"
              ? "--data generate makes it"
              : "write the path of a file here, or say how it is made under prepare",
        });
  }
  for (const [index, { config }] of benchmarks.entries()) {
    const file = config.type === "perplexity" ? config.dataset : config.type === "behavior" ? config.cases_file : null;
    if (file === null || made.has(file) || host.exists(file)) continue;
    const key = config.type === "perplexity" ? "dataset" : "cases_file";
    add({
      code: "dataset_missing",
      path: ["benchmarks", index, "config", key],
      message: `the data ${file} of the benchmark ${benchmarks[index]?.id ?? ""} is not there`,
      fix: "write the path of a file here",
    });
  }
}

function tokenizerBlockers(
  { runs, data }: PlannedExperiment["lowered"],
  defaults: Plan["defaults"],
  host: HostFacts,
  add: AddBlocker,
): void {
  const missing = (path: readonly PropertyKey[], name: string, run?: string): void => {
    add({
      code: "tokenizer_missing",
      path,
      message: `the tokenizer ${name} cannot be made here`,
      fix: "a tokenizer.json or .tiktoken file that is here (by its path, or as tokenizers/NAME.json), or the tokenizer byte",
      ...(run === undefined ? {} : { run }),
    });
  };
  for (const [index, { id, verify }] of runs.entries()) {
    if (verify?.type !== "eval") continue;
    const { tokenizer } = verify;
    const name =
      tokenizer.type === "hf-json"
        ? tokenizer.path
        : tokenizer.type === "llama"
          ? tokenizer.model_id
          : tokenizer.type === "tiktoken"
            ? tokenizer.encoding
            : tokenizer.type;
    if (!host.hasTokenizer(name)) missing(["runs", index, "verify", "tokenizer"], name, id);
  }
  if (data.impl !== null || data.ref !== "dataset.tokens") return;
  const { path, prepare } = data.config;
  // Ids that are there already need no tokenizer.
  if (prepare?.type !== "text" || host.exists(path)) return;
  const { tokenizer } = prepare;
  const name =
    tokenizer === null
      ? defaults.data.tokenizer
      : tokenizer.type === "hf-json" || tokenizer.type === "tiktoken"
        ? tokenizer.path
        : null;
  if (name !== null && !host.hasTokenizer(name)) missing(["data", "config", "prepare", "tokenizer"], name);
}

function processBlockers({ name, index, process }: PlannedProcess, host: HostFacts): readonly Blocker[] {
  if (host.processes.includes(process.type)) return [];
  const can = host.processes.length === 0 ? "none can" : `these can: ${host.processes.join(", ")}`;
  return [
    {
      code: "process_unavailable",
      target: name,
      run: null,
      pointer: pointerOf(["targets", index, "process", "type"]),
      message: `processes of type ${process.type} cannot run yet; ${can}`,
      fix: "another target (--target)",
    },
  ];
}
