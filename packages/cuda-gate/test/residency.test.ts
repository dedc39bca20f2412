import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MIN_USED_MEMORY_MIB,
  MIN_UTILISED_SHARE,
  POLL_WINDOW_SECONDS,
  type ResidencyEvidence,
  UTILISATION_WARM_UP_STEPS,
  computeAppProof,
  memoryDeltaProof,
  parseComputeApps,
  readGpuMemorySamples,
  readNamedComputeApps,
  residencyProof,
  residencyRecord,
  residencyVerdict,
  utilisationVerdict,
} from "../src/index.js";

const MAX_PID = 4_294_967_295;
const MAX_MIB = 18_446_744_073_709_551_615n;
const row = (pid: number, used: number | bigint): { pid: number; used_memory_mib: bigint } => ({
  pid,
  used_memory_mib: BigInt(used),
});

describe("the residency verdict (INV-GPUTRAIN-003)", () => {
  it("has the constants of its contract", () => {
    expect([POLL_WINDOW_SECONDS, MIN_USED_MEMORY_MIB]).toEqual([5, 1]);
  });

  it.each([
    ["ours with memory", [row(12345, 5000)], "pass"],
    ["ours with the least memory", [row(12345, 1)], "pass"],
    ["ours without memory", [row(12345, 0)], "fail"],
    ["another process", [row(54321, 5000)], "fail"],
    ["nobody", [], "fail"],
    ["ours first", [row(12345, 5000), row(1, 1)], "pass"],
    ["ours last", [row(1, 1), row(2, 2), row(12345, 5000)], "pass"],
    ["ours twice, the second with memory", [row(12345, 0), row(12345, 1)], "pass"],
  ] as const)("%s", (_, rows, verdict) => {
    expect(residencyVerdict(rows, 12345)).toBe(verdict);
  });

  it("works to the ends of the ranges", () => {
    expect(residencyVerdict([row(MAX_PID, MAX_MIB)], MAX_PID)).toBe("pass");
    expect(residencyVerdict([row(MAX_PID, 0)], MAX_PID)).toBe("fail");
  });
});

describe("reading compute apps strictly", () => {
  it("reads rows, with either line ending and without the last one", () => {
    const rows = [row(1, 2), row(12345, 5000)];
    for (const text of ["1, 2\n12345, 5000\n", "1, 2\r\n12345, 5000\r\n", "\n1, 2\n\n12345, 5000"]) {
      expect(parseComputeApps(text)).toEqual({ status: "ok", rows });
    }
    expect(parseComputeApps("")).toEqual({ status: "ok", rows: [] });
    expect(parseComputeApps(`${MAX_PID}, ${MAX_MIB}`)).toEqual({ status: "ok", rows: [row(MAX_PID, MAX_MIB)] });
    expect(parseComputeApps(`${"0".repeat(100_000)}7, ${"0".repeat(100_000)}`)).toEqual({
      status: "ok",
      rows: [row(7, 0)],
    });
  });

  it.each([
    "12345",
    "12345,5000",
    "12345,  5000",
    "12345, ",
    ", 5000",
    "abc, 5000",
    "12345, abc",
    "12345, 5000 MiB",
    " 12345, 5000",
    "12345, 5000 ",
    "+1, 2",
    "-1, 2",
    "1, -2",
    "1.0, 2",
    "1, 2, 3",
    " ",
    "[N/A]",
    "12345, [N/A]",
    "12345, [Not Supported]",
    "12345, [Insufficient Permissions]",
    "１, 2",
    "1, 2\r",
    `${MAX_PID + 1}, 1`,
    `1, ${MAX_MIB + 1n}`,
    `${"9".repeat(1_000_000)}, 1`,
  ])("finds all of an answer unusable for one line like %j", (line) => {
    const read = parseComputeApps(`12345, 5000\n${line}`);
    expect(read).toMatchObject({ status: "invalid", line: 2 });
    expect(read.status === "invalid" && read.message.length).toBeLessThan(300);
  });

  it("reads back what was written, and only that", () => {
    const pid = fc.integer({ min: 0, max: MAX_PID });
    const used = fc.bigInt({ min: 0n, max: MAX_MIB });
    fc.assert(
      fc.property(fc.array(fc.tuple(pid, used)), (pairs) => {
        const text = pairs.map(([p, u]) => `${p}, ${u}\n`).join("");
        expect(parseComputeApps(text)).toEqual({ status: "ok", rows: pairs.map(([p, u]) => row(p, u)) });
      }),
    );
  });
});

describe("the lenient probes", () => {
  const header = "timestamp, memory.used [MiB], memory.free [MiB], utilization.gpu [%]";

  it("read memory samples with and without units, and leave out what they do not understand", () => {
    const text = [
      header,
      "t0, 100 MiB, 900 MiB, 0 %",
      "t1, 1300, 0, 97",
      "t2, [N/A], 0, 0",
      "t3, 1, 2",
      "t4,1,2,3,4",
      "",
    ];
    expect(readGpuMemorySamples(text.join("\n"))).toEqual([
      { timestamp: "t0", used_mib: 100, free_mib: 900, utilisation_pct: 0 },
      { timestamp: "t1", used_mib: 1300, free_mib: 0, utilisation_pct: 97 },
    ]);
  });

  it("ask that memory rose over the first sample, and give the peak", () => {
    const samples = (...used: number[]): Parameters<typeof memoryDeltaProof>[0] =>
      used.map((used_mib) => ({ timestamp: "t", used_mib, free_mib: 0, utilisation_pct: 0 }));
    expect(memoryDeltaProof([], 1000)).toMatchObject({ status: "failed", code: "empty" });
    expect(memoryDeltaProof(samples(100, 1099, 400), 1000)).toMatchObject({
      status: "failed",
      code: "below_threshold",
    });
    expect(memoryDeltaProof(samples(100, 1100, 400), 1000)).toEqual({ status: "ok", used_mib: 1100 });
    expect(memoryDeltaProof(samples(5000, 10), 1)).toMatchObject({ status: "failed", code: "below_threshold" });
  });

  it("read named processes behind a heading in any case, and lose those with a comma in the name", () => {
    const text = ["PID, process_name, used_gpu_memory [MiB]", "7, python3, 2000 MiB", "8, a, b, 10 MiB", "9, x, [N/A]"];
    expect(readNamedComputeApps(text.join("\r\n"))).toEqual([
      { pid: 7, process_name: "python3", used_memory_mib: 2000 },
    ]);
  });

  it("look at the first row of a process only, and say which way they fail", () => {
    const rows = readNamedComputeApps("7, a, 0\n7, a, 5000\n8, b, 1");
    expect(computeAppProof([], 7, 1)).toMatchObject({ code: "empty" });
    expect(computeAppProof(rows, 9, 1)).toMatchObject({ code: "pid_missing" });
    expect(computeAppProof(rows, 7, 1)).toMatchObject({ code: "below_threshold" });
    expect(computeAppProof(rows, 8, 1)).toEqual({ status: "ok", used_mib: 1 });
  });

  it("take any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from("0123456789, \nMiB%pid[]")) }), (text) => {
        for (const sample of readGpuMemorySamples(text)) expect(sample.used_mib).toBeGreaterThanOrEqual(0);
        for (const app of readNamedComputeApps(text)) expect(Number.isSafeInteger(app.pid)).toBe(true);
      }),
    );
  });
});

describe("utilisation while training", () => {
  const warmUp = Array.from({ length: 10 }, () => 100);

  it("has the constants of its contract", () => {
    expect([UTILISATION_WARM_UP_STEPS, MIN_UTILISED_SHARE]).toEqual([10, 0.5]);
  });

  it.each([
    [[], "fail"],
    [[50], "pass"],
    [[0], "fail"],
    [[50, 0], "pass"],
    [[50, 0, 0], "fail"],
    [[null, 50], "pass"],
    [[null, null, 50], "fail"],
  ] as const)("after the warm-up, %j: %s", (rest, verdict) => {
    expect(utilisationVerdict([...warmUp, ...rest])).toBe(verdict);
  });

  it("does not count the warm-up", () => {
    expect(utilisationVerdict(warmUp)).toBe("fail");
  });
});

describe("a proof from several methods", () => {
  const said = (
    method: ResidencyEvidence["method"],
    outcome: ResidencyEvidence["outcome"],
    confidence: ResidencyEvidence["confidence"],
  ): ResidencyEvidence => ({ method, outcome, confidence, used_bytes: null, why: "" });

  it("fails where nobody could look", () => {
    expect(residencyProof([])).toMatchObject({ verdict: "fail", decided_by: null, confidence: "none" });
    expect(residencyProof([said("nvml", "unknown", "none")])).toMatchObject({ verdict: "fail", decided_by: null });
  });

  it("is decided by the most confident answer, and says that another contradicts it", () => {
    const inside = said("in_process", "resident", "high");
    expect(residencyProof([said("nvidia_smi", "absent", "low"), inside])).toMatchObject({
      verdict: "pass",
      decided_by: "in_process",
      contradicted: true,
    });
    expect(residencyProof([inside, said("nvml", "unknown", "none")])).toMatchObject({
      verdict: "pass",
      contradicted: false,
    });
  });

  it("fails when two are equally sure and one says absent", () => {
    const both = [said("in_process", "resident", "high"), said("nvml", "absent", "high")];
    expect(residencyProof(both)).toMatchObject({ verdict: "fail", decided_by: "nvml", contradicted: true });
    expect(residencyProof([...both].reverse())).toMatchObject({ verdict: "fail", decided_by: "nvml" });
  });

  it("is kept as one line, which has no line for less than a MiB", () => {
    expect(residencyRecord(12345, 0, 5000 * 2 ** 20 + 17)).toEqual({
      pid: 12345,
      device_index: 0,
      used_memory_mib: 5000,
      sampled_at_step: 0,
    });
    expect(residencyRecord(12345, 0, 2 ** 20 - 1)).toBeNull();
  });
});
