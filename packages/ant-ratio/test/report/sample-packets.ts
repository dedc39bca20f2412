import type { AntRatioPacket, PacketFacts } from "../../src/packet.js";

/** A packet of a run on the CPU that passed and learnt, on the seed it is told. */
export function samplePacket(over: Partial<AntRatioPacket> = {}, facts: PacketFacts = {}): AntRatioPacket {
  return {
    schema_version: "ant_ratio_packet_v0",
    generated_utc: "2026-01-01T12:00:00Z",
    git_commit: null,
    probe_run_root: "runs/probe-1",
    assoc_run_root: "/home/someone/assoc",
    ant_tier: "custom",
    ant_ring_len: 32,
    ant_slot_dim: 32,
    ant_body_cells: 1024,
    ant_body_scale_vs_small: 1024 / 524_288,
    expert_heads: 1,
    batch_size: 16,
    precision: "fp32",
    amp: 0,
    seq_len: 8,
    vram_ratio_reserved: null,
    peak_vram_reserved_bytes: null,
    total_vram_bytes: null,
    throughput_tokens_per_s: 50_000,
    throughput_samples_per_s: 6_250,
    assoc_byte_disjoint_accuracy: 0.9,
    assoc_eval_disjoint: true,
    assoc_eval_n: 1_000,
    token_budget: 128_000,
    token_budget_tokens_per_step: 128,
    token_budget_steps: 1_000,
    stability_pass: true,
    fail_reasons: [],
    had_oom: false,
    had_nan: false,
    had_inf: false,
    workload_id: "wl_v1_37d4c849bed8",
    probe_id: "probe-1",
    vrx: {
      engine: "cpu",
      device_kind: "cpu",
      host: "rack7.internal",
      memory_budget_ratio: 0.4,
      assoc_seed: 1,
      assoc_chance_accuracy: 0.25,
      assoc_ring_tokens: 128_000,
      ...facts,
    },
    ...over,
  };
}

/** The same configuration on two seeds: what it takes to be rankable. */
export function twoSeeds(over: Partial<AntRatioPacket> = {}, facts: PacketFacts = {}): AntRatioPacket[] {
  return [1, 2].map((seed) => samplePacket({ probe_id: `probe-${seed}`, ...over }, { ...facts, assoc_seed: seed }));
}
