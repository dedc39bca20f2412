import { type Expectation, EXPECTATIONS, diagnose, gateHost, namedDevice, preflight } from "@vrx/cuda-gate";
import { collectReport } from "@vrx/cuda-gate/node";
import type { DoctorCall } from "../commands/doctor.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { printable } from "../frame/printable.js";
import { driverChoice } from "../inputs/driver-choice.js";
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
  if (options.json) {
    output.printJson({ ...report, diagnosis, residency, preflight: health, gate });
    return exitCodes.ok;
  }
  const lines = [
    ...reportLines(report),
    `state: ${diagnosis.state}`,
    ...causeLines(diagnosis.causes).map((line) => `  ${line}`),
    ...preflightLines(health),
    `vrx gate would say: ${EXPECTATIONS.map((name) => `${gate[name] ?? "-"} to --expect ${name}`).join(", ")}`,
  ];
  for (const line of lines) output.print(printable(line));
  return exitCodes.ok;
}
