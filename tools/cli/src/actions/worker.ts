import { isHarnessError, openStore, spawnTrial } from "@vrx/harness";
import { startWorker } from "@vrx/harness/bullmq";
import type { WorkerCall } from "../commands/worker.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { devicesOf } from "../inputs/executor.js";

/** Works until it is told to end, or with --once until nothing waits. */
export async function run({ options, output, signal }: WorkerCall): Promise<ExitCode> {
  const { redis, queue = "vrx", store, device, once } = options;
  if (redis === undefined) throw new CliError("bad_arguments", "expected --redis URL, such as redis://127.0.0.1:6379");
  try {
    await startWorker({
      connection: redis,
      queue,
      store_dir: store ?? null,
      openStore: (dir) => openStore(dir),
      run: spawnTrial,
      devices: device === undefined ? [] : devicesOf(device),
      once,
      preflight: options.preflight,
      lock_ms: options["lost-after"] * 1000,
      signal,
      onNote: (text) => output.note(text),
      onTrial: (digest, attempted) => {
        const said =
          attempted.status === "given_back"
            ? `given back: ${attempted.why}`
            : `${attempted.result?.status ?? "no result"}${attempted.by === "another" ? ", by another attempt" : ""}`;
        output.note(`trial ${digest.slice(0, 12)}: ${said}`);
      },
    });
    return exitCodes.ok;
  } catch (error) {
    if (!isHarnessError(error) || !["executor_unavailable", "invalid_argument", "unfit_host"].includes(error.code))
      throw error;
    throw new CliError("bad_environment", error.message, { cause: error });
  }
}
