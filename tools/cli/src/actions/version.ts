import { release } from "node:os";
import manifest from "../../package.json" with { type: "json" };
import type { VersionCall } from "../commands/version.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";

/** Prints the version of vrx, or with `--json` everything that a report of a problem needs. */
export async function run({ options, output, signal }: VersionCall): Promise<ExitCode> {
  if (!options.json) {
    output.print(manifest.version);
    return exitCodes.ok;
  }
  const report = await gpuReport(signal);
  output.printJson({
    vrx: manifest.version,
    node: process.versions.node,
    v8: process.versions.v8,
    platform: process.platform,
    arch: process.arch,
    os_release: release(),
    engines: { reference: { status: "available" }, cpu: await cpuEngine(), cuda: noCuda },
    ...report,
  });
  return exitCodes.ok;
}

const noCuda = { status: "unavailable", reason: "this release has no CUDA engine" } as const;

/** Whether the native engine loads here, with the instruction sets this processor has, or why not and what to do. */
async function cpuEngine(): Promise<Readonly<Record<string, unknown>>> {
  try {
    const { loadAddon } = await import("@vrx/ring-engine");
    const load = loadAddon();
    if (load.status === "loaded") return { status: "available", file: load.file, instruction_sets: load.levels };
    return { status: "unavailable", reason: load.message, fix: load.fix };
  } catch (error) {
    // A report of a problem must come out of an installation that is broken, too.
    return { status: "unavailable", reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * The report of INV-GPUTRAIN-007. Never fails: what it cannot say of a host it says with the three keys, since whoever
 * reads it wants to know just that.
 */
async function gpuReport(signal: AbortSignal): Promise<object> {
  try {
    const { collectReport } = await import("@vrx/cuda-gate/node");
    return await collectReport({ signal });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      cuda_feature: false,
      cuda_runtime_available: false,
      visible_devices: [],
      reasons: { cuda_feature: `the report could not be made: ${why}` },
    };
  }
}
