import {
  type Expectation,
  type GpuReport,
  EXPECTATIONS,
  diagnose,
  gateHost,
  namedDevice,
  preflight,
} from "@vrx/cuda-gate";
import { collectReport } from "@vrx/cuda-gate/node";
import type { DoctorCall } from "../commands/doctor.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable } from "../frame/printable.js";
import { driverChoice } from "../inputs/driver-choice.js";
import type { MeasuredGpu } from "./gpu-ceilings.js";
import { causeLines, preflightLines, reportLines } from "./gpu-report-lines.js";
import { proofFor } from "./residency-proof.js";

/** Says what there is of GPUs. Exit code 0, whatever it is. */
export async function run({ options, output, signal }: DoctorCall): Promise<ExitCode> {
  const choice = await driverChoice(options["fake-driver"]);
  const report = await collectReport({ signal, ...choice });
  const residency = await proofFor({ kind: "auto" }, report, { signal, ...choice });
  const diagnosis = diagnose(report);
  const health = preflight(report);
  const said = (expectation: Expectation): string =>
    gateHost({ report, expectation, device: namedDevice({}), residency }).status;
  const gate = Object.fromEntries(EXPECTATIONS.map((expectation) => [expectation, said(expectation)]));
  const ceilings = options.ceilings ? await ceilingsOf(report, choice.driver?.library, output, signal) : null;
  if (options.json) {
    const measured = ceilings === null ? {} : { ceilings };
    output.printJson({ ...report, diagnosis, residency, preflight: health, gate, ...measured });
    return exitCodes.ok;
  }
  const lines = [
    ...reportLines(report),
    `state: ${diagnosis.state}`,
    ...causeLines(diagnosis.causes).map((line) => `  ${line}`),
    ...preflightLines(health),
    `vrx gate would say: ${EXPECTATIONS.map((name) => `${gate[name] ?? "-"} to --expect ${name}`).join(", ")}`,
  ];
  if (ceilings !== null) {
    const { ceilingLines } = await import("./gpu-ceilings.js");
    lines.push(...(ceilings.length === 0 ? ["ceilings: no GPU to measure"] : ceilingLines(ceilings)));
  }
  for (const line of lines) output.print(printable(line));
  return exitCodes.ok;
}

/**
 * What each GPU can do. Measured in this process, so only when the report's own process came back: a driver that hangs
 * is not asked again.
 */
async function ceilingsOf(
  report: GpuReport,
  library: string | undefined,
  output: Output,
  signal: AbortSignal,
): Promise<readonly MeasuredGpu[]> {
  if (!report.cuda_runtime_available || report.probe.method !== "driver") return [];
  const { measureGpus } = await import("./gpu-ceilings.js");
  try {
    return await measureGpus(library, output, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    output.warn(`the ceilings could not be measured: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}
