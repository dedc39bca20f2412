import {
  type SlurmOptions,
  type SurveyReport,
  type TrialExecutor,
  isHarnessError,
  localExecutor,
  parseSlurmOptions,
  slurmExecutor,
} from "@vrx/harness";
import { CliError } from "../frame/cli-error.js";
import type { Output } from "../frame/output.js";
import { readInput } from "./read-input.js";

/** What says where trials run. */
export interface ExecutorChoice {
  readonly executor: "local" | "slurm" | "bullmq";
  readonly parallel: number;
  readonly device: string | undefined;
  readonly slurm: string | undefined;
  readonly redis: string | undefined;
  readonly queue: string | undefined;
}

const limit_bytes = 1024 * 1024;

/** What else there is to know before trials run. */
export interface ExecutorFacts {
  /** Hosts to keep away from. */
  readonly exclude: readonly string[];
  /** The GPU of this host that trials run on unless others are named: it is locked while they do; null: none. */
  readonly device: string | null;
}

/** The executor that was asked for; throws a {@link CliError} for options that are wrong or of another executor. */
export async function executorOf(choice: ExecutorChoice, output: Output, facts: ExecutorFacts): Promise<TrialExecutor> {
  const { executor, device, parallel, slurm, redis, queue } = choice;
  const foreign = [
    executor === "local" ? undefined : device === undefined ? undefined : "--device",
    executor === "local" || parallel === 1 ? undefined : "--parallel",
    executor === "slurm" ? undefined : slurm === undefined ? undefined : "--slurm",
    executor === "bullmq" ? undefined : redis === undefined ? undefined : "--redis",
    executor === "bullmq" ? undefined : queue === undefined ? undefined : "--queue",
  ].find((option) => option !== undefined);
  if (foreign !== undefined) throw new CliError("bad_arguments", `${foreign} is not for the ${executor} executor`);
  const onNote = (text: string): void => output.note(text);
  if (executor === "local") {
    const devices = device !== undefined ? devicesOf(device) : facts.device === null ? [] : [facts.device];
    if (devices.length > 0 && parallel > 1) {
      const why = "two trials on one GPU would share it, so that one runs at a time on each";
      throw new CliError("bad_arguments", `--parallel ${parallel}: ${why}; name more GPUs with --device`);
    }
    return localExecutor({ devices, parallel });
  }
  try {
    if (executor === "slurm") {
      const options = slurm === undefined ? {} : await slurmOptionsOf(slurm);
      const exclude = [...(options.exclude === undefined ? [] : [options.exclude]), ...facts.exclude].join(",");
      return slurmExecutor(exclude === "" ? options : { ...options, exclude }, { onNote });
    }
    if (redis === undefined) throw new CliError("bad_arguments", "--executor bullmq: expected --redis URL");
    const { bullmqExecutor } = await import("@vrx/harness/bullmq");
    return bullmqExecutor({ connection: redis, onNote, ...(queue === undefined ? {} : { queue }) });
  } catch (error) {
    if (!isHarnessError(error)) throw error;
    throw new CliError("bad_arguments", error.message, { cause: error });
  }
}

/** GPUs by UUID, separated by commas. */
export function devicesOf(text: string): readonly string[] {
  const devices = text.split(",").filter((device) => device !== "");
  if (devices.length > 0 && new Set(devices).size === devices.length) return devices;
  throw new CliError("bad_arguments", `--device: expected UUIDs of GPUs, each once, found ${JSON.stringify(text)}`);
}

/** The hosts that a survey excludes, from its `hosts.json`. */
export async function excludedHosts(file: string): Promise<readonly string[]> {
  const input = await readInput(file, limit_bytes);
  if (input.status === "failed") throw new CliError("bad_input", `--exclude-hosts: ${file}: ${input.reason}`);
  const names = namesIn(new TextDecoder().decode(input.bytes));
  if (names !== null) return names;
  throw new CliError("bad_input", `--exclude-hosts: ${file}: expected a vrx_hosts_v1, as vrx sweep hosts writes it`);
}

function namesIn(text: string): readonly string[] | null {
  try {
    const { schema_version, exclude }: Partial<Record<keyof SurveyReport, unknown>> = JSON.parse(text) as object;
    if (schema_version !== "vrx_hosts_v1" || !Array.isArray(exclude)) return null;
    const names: readonly unknown[] = exclude;
    return names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}

/** The options of Slurm in a file. */
export async function slurmOptionsOf(file: string): Promise<SlurmOptions> {
  const input = await readInput(file, limit_bytes);
  if (input.status === "failed") throw new CliError("bad_input", `--slurm: ${file}: ${input.reason}`);
  const read = parseSlurmOptions(new TextDecoder().decode(input.bytes));
  if (read.status === "ok") return read.options;
  const lines = read.problems.map(
    ({ option, message }) => `${file}: ${option === "" ? message : `${option}: ${message}`}`,
  );
  throw new CliError("bad_input", lines.join("\n"));
}
