import type { RunRecord } from "./run-record.js";
import type { Verdict } from "./judge.js";
import type { RunMetrics } from "./metrics.js";
import { runDevice } from "./run-device.js";

/** The content of `summary.md`, for people: the verdict first, then why, the figures, the gates, and where the rules are. */
export function summaryMarkdown(run: RunRecord, verdict: Verdict): string {
  const { header, outcome } = run;
  const { metrics } = verdict;
  const { executed } = outcome;
  const device = runDevice(run);
  const figure = (key: keyof RunMetrics, unit: string): string => {
    const value = metrics[key];
    return typeof value === "number" ? `${value} ${unit}`.trim() : `not measured: ${metrics.reasons[key] ?? "unknown"}`;
  };
  const reasons = [
    ...verdict.fail_reasons.map((gate) => {
      const result = verdict.gates.find((named) => named.gate === gate);
      return `fail: ${gate}${result === undefined ? "" : ` (${shown(result.value ?? result.reason)})`}`;
    }),
    ...verdict.invalid_reasons.map(({ code, message }) => `invalid: ${code} (${message})`),
    ...verdict.inconclusive_reasons.map(({ code, message }) => `inconclusive: ${code} (${message})`),
  ];
  const rows: readonly (readonly [string, string])[] = [
    ["status", verdict.status.toUpperCase()],
    ["probe_id", header.probe_id],
    ["workload_id", header.workload_id],
    ["workload_digest", header.workload_digest],
    ["device", `${device.name}${device.simulated ? " (simulated)" : ""}`],
    ["engine", `${header.engine} ${header.engine_version ?? ""}`.trim()],
    ["precision / amp", `${header.precision} / ${header.amp ? 1 : 0}`],
    ["executed precision / amp", executed === null ? "unknown" : `${executed.precision} / ${executed.amp ? 1 : 0}`],
    ["out_dim", String(header.out_dim)],
    ["batch_size", String(metrics.batch_size)],
    ["seq_len (accounting)", String(metrics.seq_len)],
    ["synth_len (generated)", String(metrics.synth_len)],
    ["steps", `${header.warmup_steps} warm-up, ${metrics.measured_steps} of ${header.measure_steps} measured`],
    ["throughput_samples_per_s", figure("throughput_samples_per_s", "samples/s")],
    ["throughput_tokens_per_s", figure("throughput_tokens_per_s", "tokens/s")],
    ["median_step_time_s", figure("median_step_time_s", "s")],
    ["p95_step_time_s", figure("p95_step_time_s", "s")],
    ["peak_vram_reserved_bytes", figure("peak_vram_reserved_bytes", "bytes")],
    ["peak_vram_allocated_bytes", figure("peak_vram_allocated_bytes", "bytes")],
    ["peak_rss_bytes", figure("peak_rss_bytes", "bytes")],
    ["vram_guard_ratio", String(header.vram_guard_ratio)],
    ["ended", `${outcome.status}: ${outcome.stop_reason}`],
    ["fail_reasons", verdict.fail_reasons.length === 0 ? "(none)" : verdict.fail_reasons.join(", ")],
    ["evidence level", verdict.evidence.level ?? "none"],
  ];
  return ascii(
    [
      `# ${verdict.status.toUpperCase()}: ${header.probe_id}`,
      "",
      ...(reasons.length === 0
        ? ["Every gate of the contract passed."]
        : reasons.map((reason) => `- ${oneLine(reason)}`)),
      "",
      "| figure | value |",
      "|---|---|",
      ...rows.map(([name, value]) => `| ${name} | ${tableCell(value)} |`),
      "",
      "| gate | outcome | value | limit | unit | reason |",
      "|---|---|---|---|---|---|",
      ...verdict.gates.map(
        ({ gate, outcome: said, value, limit, unit, reason }) =>
          `| ${[gate, said, shown(value), shown(limit), shown(unit), reason].map(tableCell).join(" | ")} |`,
      ),
      "",
      ...(verdict.evidence.missing.length === 0
        ? []
        : [
            "Missing for the next evidence level:",
            ...verdict.evidence.missing.map((what) => `- ${oneLine(what)}`),
            "",
          ]),
      ...header.notes.map((note) => `NOTE: ${oneLine(note)}`),
      ...(header.notes.length === 0 ? [] : [""]),
      `Contract: ${header.contract.page} (${header.contract.name})`,
      `Workload schema: ${header.workload_page}`,
      "",
    ].join("\n"),
  );
}

function shown(value: number | string | null): string {
  return value === null ? "" : String(value);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function tableCell(text: string): string {
  return oneLine(text).replaceAll("|", "\\|");
}

function ascii(text: string): string {
  return text.replace(/[^\n\u0020-\u007e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
