import type { AntRatioPacket } from "@vrx/ant-ratio";
import { Gauge, type OpenMetricsContentType, Registry } from "prom-client";
import type { ConfigurationRow } from "./sweep-results.js";

/**
 * The figures of a sweep as OpenMetrics 1.0 text, for whoever scrapes files. Figures nobody measured are left out. A
 * packet is told apart by its capability trial: two configurations may have one workload, heads and seed.
 */
export async function sweepMetrics(
  name: string,
  rows: readonly ConfigurationRow[],
  packets: readonly AntRatioPacket[],
): Promise<string> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const trials = new Gauge({
    name: "vrx_sweep_trials",
    help: "Trials of the sweep by kind and status",
    labelNames: ["sweep", "kind", "status"],
    registers: [registry],
  });
  for (const { probe, capability } of rows) {
    if (probe !== null) trials.inc({ sweep: name, kind: "probe", status: probe.status });
    for (const { status } of capability) trials.inc({ sweep: name, kind: "capability", status });
  }
  const labelNames = ["sweep", "workload_id", "heads", "seed", "trial"] as const;
  const gauge = (metric: string, help: string): Gauge<(typeof labelNames)[number]> =>
    new Gauge({ name: metric, help, labelNames, registers: [registry] });
  const throughput = gauge("vrx_ring_tokens_per_second", "Ring tokens per second of the probe");
  const accuracy = gauge("vrx_capability_accuracy_ratio", "Accuracy on data that was not trained on");
  const vram = gauge("vrx_vram_reserved_ratio", "Peak reserved VRAM over all VRAM");
  for (const packet of packets) {
    const labels = {
      sweep: name,
      workload_id: packet.workload_id ?? "",
      heads: packet.expert_heads ?? "",
      seed: packet.vrx?.assoc_seed ?? "",
      trial: packet.vrx?.assoc_trial_digest ?? "",
    };
    if (packet.throughput_tokens_per_s !== null) throughput.set(labels, packet.throughput_tokens_per_s);
    if (packet.assoc_byte_disjoint_accuracy !== null) accuracy.set(labels, packet.assoc_byte_disjoint_accuracy);
    if (packet.vram_ratio_reserved !== null) vram.set(labels, packet.vram_ratio_reserved);
  }
  return registry.metrics();
}
