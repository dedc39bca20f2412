import { join, relative, sep } from "node:path";
import type { AntRatioPacket } from "@vrx/ant-ratio";
import { buildPacketFromFolders } from "@vrx/ant-ratio/node";
import { RUN_FOLDER } from "../store/result-files.js";
import { inParallel } from "../in-parallel.js";
import type { TrialStore } from "../store/trial-store.js";
import type { Trial } from "../trial/trial.js";
import type { TrialResult, TrialStatus } from "../trial/trial-result.js";
import type { Configuration } from "./expand-sweep.js";
import type { Knobs } from "./sweep-document.js";

export interface TrialRow {
  readonly digest: string;
  readonly seed: number;
  readonly status: TrialStatus;
  readonly reasons: readonly string[];
  readonly host: string | null;
}

/** What became of one configuration; every one of a sweep has a row. */
export interface ConfigurationRow {
  readonly index: number;
  readonly labels: Knobs;
  readonly problems: readonly string[];
  readonly probe: TrialRow | null;
  readonly capability: readonly TrialRow[];
  /** Why there is no packet for a seed, where there is none. */
  readonly without_packet: readonly string[];
}

export interface SweepResults {
  /** One per configuration and seed that has both results, in the order of the axes. */
  readonly packets: readonly AntRatioPacket[];
  readonly rows: readonly ConfigurationRow[];
}

function rowOf(trial: Trial, result: TrialResult | null): TrialRow {
  const { digest, plan } = trial;
  if (result === null) return { digest, seed: plan.seed, status: "not_run", reasons: [], host: null };
  return { digest, seed: plan.seed, status: result.status, reasons: result.reasons, host: result.host };
}

/** To the second, as v0 has it; the later of two ends. */
function later(a: string, b: string): string {
  return (a > b ? a : b).replace(/\.\d+Z$/, "Z");
}

/**
 * Joins the results of a sweep into packets: the probe of a configuration with the capability run of each seed. The same
 * results give the same bytes, whenever and in whatever order they were made. Paths in packets are relative to `root`.
 */
export async function sweepResults(
  configurations: readonly Configuration[],
  store: TrialStore,
  root: string,
): Promise<SweepResults> {
  const own = configurations.flatMap(({ probe, capability }) => (probe === null ? capability : [probe, ...capability]));
  const digests = [...new Set(own.map(({ digest }) => digest))];
  const found = await inParallel(digests, (digest) => store.result(digest));
  const results = new Map(digests.map((digest, i) => [digest, found[i] ?? null]));
  const resultOf = ({ digest }: Trial): TrialResult | null => results.get(digest) ?? null;
  const packets: AntRatioPacket[] = [];
  const rows: ConfigurationRow[] = [];
  for (const { index, labels, problems, probe, capability } of configurations) {
    const without: string[] = [];
    const cost = probe === null ? null : resultOf(probe);
    const learnt: TrialRow[] = [];
    for (const trial of capability) {
      const result = resultOf(trial);
      learnt.push(rowOf(trial, result));
      const joined = probe === null ? null : await packetOf(probe, cost, trial, result, store, root);
      if (joined === null) continue;
      if (typeof joined === "string") without.push(`seed ${trial.plan.seed}: ${joined}`);
      else packets.push(joined);
    }
    rows.push({
      index,
      labels,
      problems,
      probe: probe === null ? null : rowOf(probe, cost),
      capability: learnt,
      without_packet: without,
    });
  }
  return { packets, rows };
}

/** The packet of a probe and a capability run, or why there is none. */
async function packetOf(
  probe: Trial,
  cost: TrialResult | null,
  capability: Trial,
  learnt: TrialResult | null,
  store: TrialStore,
  root: string,
): Promise<AntRatioPacket | string> {
  if (cost === null || learnt === null) return `the ${cost === null ? "probe" : "capability run"} was not run`;
  // A simulated one is evaluated too; its packet says what it is, and is not ranked.
  const evaluated = learnt.status === "passed" || (learnt.status === "invalid" && learnt.simulated);
  if (!evaluated) return `the capability run is ${learnt.status}: ${learnt.reasons.join("; ")}`;
  const probeFolder = await store.resultFolder(probe.digest);
  const learntFolder = await store.resultFolder(capability.digest);
  if (probeFolder === null || learntFolder === null) return "a result has gone";
  const { plan } = capability;
  const posix = (path: string): string => relative(root, path).split(sep).join("/");
  const runFolder = join(probeFolder, RUN_FOLDER);
  const { memory_budget_ratio: ratio, memory_budget_bytes: bytes } = cost.figures;
  const built = await buildPacketFromFolders(runFolder, learntFolder, {
    probe_run_root: posix(runFolder),
    assoc_run_root: posix(learntFolder),
    generated_utc: later(cost.ended_utc, learnt.ended_utc),
    ...(plan.kind === "capability"
      ? {
          budget: { token_budget: plan.ring_tokens, min_steps: 1, max_steps: plan.steps },
          capability_steps: plan.steps,
        }
      : {}),
    facts: {
      probe_trial_digest: probe.digest,
      assoc_trial_digest: capability.digest,
      ...(typeof ratio === "number" && typeof bytes === "number"
        ? { memory_budget_ratio: ratio, memory_budget_bytes: bytes }
        : {}),
    },
  });
  if (built.status === "ok") return built.packet;
  const why = built.status === "refused" ? built.reasons : built.issues;
  return why.map(({ message }) => message).join("; ");
}
