import {
  type HostGate,
  type NamedDevice,
  type Preflight,
  deviceTag,
  gateHost,
  namedDevice,
  parseDeviceSelector,
  preflight,
} from "@vrx/cuda-gate";
import { collectReport } from "@vrx/cuda-gate/node";
import type { GateCall } from "../commands/gate.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import type { Output } from "../frame/output.js";
import { printable } from "../frame/printable.js";
import { table } from "../frame/table.js";
import { driverChoice } from "../inputs/driver-choice.js";
import { causeLines, problemLines } from "./gpu-report-lines.js";
import { proofFor } from "./residency-proof.js";

/** Gates this host, and prints every rule with its verdict. */
export async function run({ options, output, signal }: GateCall): Promise<ExitCode> {
  const device = namedDevice({ option: options.device, env: process.env });
  // Before the driver is asked: a word that is no device is none on every host.
  const read = parseDeviceSelector(device.spec);
  if (read.status === "invalid") throw new CliError("bad_arguments", `${device.source}: ${read.message}`);
  for (const { spec, source } of device.overridden) {
    if (spec !== device.spec) output.note(`${device.source} names ${device.spec}; ${source} (${spec}) is not used`);
  }
  const collecting = { signal, ...(await driverChoice(options["fake-driver"])) };
  const report = await collectReport(collecting);
  const residency = await proofFor(read.device, report, collecting);
  const result = gateHost({ report, expectation: options.expect, device, residency });
  const health = preflight(report);
  const { status, reasons } = options.preflight ? withHealth(result, health) : result;
  const { resolution } = result;
  const warning = resolution?.status === "ok" ? resolution.warning : null;
  if (warning !== null) output.warn(warning);
  const exit_code = exitCodeOf(status);
  if (options.json) {
    output.printJson({
      status,
      reasons,
      exit_code,
      expect: options.expect,
      device: deviceDocument(device, result),
      gates: result.rows,
      diagnosis: result.diagnosis,
      residency,
      preflight: health,
      simulated: report.simulated,
      report,
    });
    return exit_code;
  }
  print(status, reasons, result, health, device, options, output);
  return exit_code;
}

function withHealth(gated: HostGate, health: Preflight): Pick<HostGate, "status" | "reasons"> {
  const why = health.problems.map(({ ordinal, code }) => `preflight: cuda:${ordinal} ${code}`);
  const reasons = [...gated.reasons, ...why];
  if (gated.status === "fail" || health.status === "unfit" || health.status === "degraded") {
    return { status: "fail", reasons };
  }
  return { status: health.status === "unknown" ? "inconclusive" : gated.status, reasons };
}

function exitCodeOf(status: HostGate["status"]): ExitCode {
  if (status === "pass") return exitCodes.ok;
  return status === "fail" ? exitCodes.fail : exitCodes.noEvidence;
}

function deviceDocument(device: NamedDevice, { resolution }: HostGate): unknown {
  const resolved = resolution?.status === "ok" ? deviceTag(resolution.device) : null;
  return { ...device, resolved, uuid: resolution?.status === "ok" ? resolution.uuid : null };
}

function print(
  status: HostGate["status"],
  reasons: readonly string[],
  { rows, resolution, diagnosis }: HostGate,
  health: Preflight,
  device: NamedDevice,
  { expect, preflight: held }: GateCall["options"],
  output: Output,
): void {
  const { style } = output;
  const paint = { pass: style.good, fail: style.bad, inconclusive: style.unsure }[status];
  const resolved = resolution?.status === "ok" ? deviceTag(resolution.device) : "not available";
  output.print(`${paint(status)}: expected ${expect}, the host is ${diagnosis.state}`);
  output.print(printable(`device: ${device.spec} (${device.source}) is ${resolved}`));
  for (const reason of reasons) output.print(printable(`  ${reason}`));
  output.print("");
  const cells = rows.map(({ invariant, verdict, decides, rule, why }) => [
    invariant,
    verdict,
    decides ? "" : "(reported)",
    rule,
    why,
  ]);
  for (const line of table(cells)) output.print(printable(line));
  const lines = [...causeLines(diagnosis.causes), ...(held ? problemLines(health.problems) : [])];
  if (lines.length > 0) output.print("");
  for (const line of lines) output.print(printable(line));
}
