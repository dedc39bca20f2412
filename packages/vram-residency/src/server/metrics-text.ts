import { Counter, Gauge, type Registry, Registry as NewRegistry } from "prom-client";
import type { VramManager } from "../vram-manager.js";
import { VERIFY_SECONDS_BUCKETS } from "../vram-metrics.js";

/**
 * A registry of prom-client with a manager's figures, read when they are scraped. Labels name the GPU and outcomes; no
 * model, no digest, no shard.
 */
export function residencyRegistry(manager: VramManager): Registry {
  const registry = new NewRegistry();
  const { ordinal, uuid } = manager.device;
  const gpu = { gpu_device: String(ordinal), gpu_uuid: uuid };
  const labelNames = Object.keys(gpu);
  const registers = [registry];

  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.set(gpu, read());
      },
    });
  };
  gauge("vram_total_bytes", "VRAM of the device", () => manager.totalVram());
  gauge("vram_used_bytes", "VRAM held by this worker", () => manager.usedVram());
  gauge("vram_available_bytes", "VRAM that can still be sealed", () => manager.availableVram());
  gauge("vram_headroom_bytes", "VRAM that is kept free for others", () => manager.metrics().headroom_bytes);
  gauge("vram_live_shards", "Sealed shards", () => manager.metrics().live_shards);
  gauge("vram_simulated", "1 where the GPU is a stand-in for hardware", () => Number(manager.device.simulated));
  gauge("vram_policy_violated", "1 where the VRAM-only policy is violated", () => Number(!manager.health().resident));
  gauge("vram_worker_stopped", "1 where the worker does not serve any more", () => Number(manager.state === "stopped"));

  const counter = (name: string, help: string, label: string, read: () => Readonly<Record<string, number>>): void => {
    new Counter({
      name,
      help,
      labelNames: [...labelNames, label],
      registers,
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc({ ...gpu, [label]: value }, count);
      },
    });
  };
  counter("vram_seal_operations_total", "Seals by result", "result", () => manager.metrics().seal_operations);
  counter(
    "vram_verify_operations_total",
    "Verifications by result",
    "result",
    () => manager.metrics().verify_operations,
  );
  counter(
    "vram_allocation_failures_total",
    "Allocations that failed by reason",
    "reason",
    () => manager.metrics().allocation_failures,
  );
  counter("vram_audit_emit_failures_total", "Audit events that could not be written", "severity", () => {
    const { audit_emit_failures: all, audit_critical_emit_failures: critical } = manager.metrics();
    return { critical, other: all - critical };
  });
  verifySeconds(registry, manager, gpu);
  return registry;
}

/** prom-client's histograms observe one value at a time; what the manager has is counts, so the series are set as they are. */
function verifySeconds(registry: Registry, manager: VramManager, gpu: Readonly<Record<string, string>>): void {
  const name = "vram_verify_seconds";
  registry.registerMetric({
    name,
    get: () => {
      const { buckets, count, sum } = manager.metrics().verify_seconds;
      let below = 0;
      const series = buckets.map((inBucket, i) => {
        below += inBucket;
        return {
          metricName: `${name}_bucket`,
          labels: { ...gpu, le: VERIFY_SECONDS_BUCKETS[i] ?? "+Inf" },
          value: below,
        };
      });
      const totals = [
        { metricName: `${name}_sum`, labels: gpu, value: sum },
        { metricName: `${name}_count`, labels: gpu, value: count },
      ];
      return Promise.resolve({
        name,
        help: "How long verifications took",
        type: "histogram",
        aggregator: "sum",
        values: [...series, ...totals],
      });
    },
    reset: () => undefined,
  } as unknown as Counter);
}
