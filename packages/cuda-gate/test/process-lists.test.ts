import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findListed } from "../src/node/internal/listed-process.js";
import { namespacePids, processNumbers } from "../src/node/internal/process-numbers.js";

const MIB = 2 ** 20;
const host = { pids: [4242, 17], sees_host: true };
const container = { pids: [17], sees_host: false };

/** A /proc with one process whose status has these numbers. */
function procFolder(numbers: string, namespace: string): string {
  const proc = mkdtempSync(join(tmpdir(), "vrx-proc-"));
  onTestFinished(() => rmSync(proc, { recursive: true, force: true }));
  mkdirSync(join(proc, "17"));
  writeFileSync(join(proc, "17/status"), `Name:\tnode\nPid:\t17\nNSpid:\t${numbers}\nThreads:\t11\n`);
  mkdirSync(join(proc, "self/ns"), { recursive: true });
  symlinkSync(namespace, join(proc, "self/ns/pid"));
  return proc;
}

describe.runIf(process.platform === "linux")("the numbers of a process", () => {
  it("are the host's and its container's, where the host can be seen", () => {
    const proc = procFolder("4242\t17", "pid:[4026531836]");
    expect(processNumbers(17, proc)).toEqual(host);
  });

  it("are the container's alone inside of it", () => {
    expect(processNumbers(17, procFolder("17", "pid:[4026532999]"))).toEqual(container);
  });

  it("are what was asked for when the process is gone", () => {
    expect(processNumbers(99, procFolder("17", "pid:[4026531836]"))).toEqual({ pids: [99], sees_host: true });
  });

  it("are those of this process here", () => {
    expect(processNumbers(process.pid).pids).toContain(process.pid);
  });

  it("are read from a line and nothing else", () => {
    expect(namespacePids("NSpid:\t1\t2\t3\nNStgid:\t9")).toEqual([1, 2, 3]);
    expect(namespacePids("Name: NSpid: 5")).toBeNull();
    expect(namespacePids("NSpid:\t\nThreads:\t4")).toBeNull();
    expect(namespacePids("")).toBeNull();
  });
});

describe("a process in a list of the driver's", () => {
  const find = (
    processes: Parameters<typeof findListed>[1],
    numbers: Parameters<typeof findListed>[2],
  ): Pick<ReturnType<typeof findListed>, "outcome" | "confidence"> => {
    const { outcome, confidence } = findListed("nvml", processes, numbers, "high");
    return { outcome, confidence };
  };

  it("is found by the host's number, with the most memory it has anywhere", () => {
    const rows = [
      { pid: 4242, used_bytes: 0 },
      { pid: 4242, used_bytes: 5 * MIB },
    ];
    expect(findListed("nvml", rows, host, "high")).toMatchObject({
      outcome: "resident",
      confidence: "high",
      used_bytes: 5 * MIB,
    });
  });

  it("is not taken for another one that has the container's number on the host", () => {
    expect(find([{ pid: 17, used_bytes: MIB }], host)).toEqual({ outcome: "absent", confidence: "high" });
  });

  it.each([
    ["nobody", [], { outcome: "absent", confidence: "high" }],
    ["without a MiB", [{ pid: 4242, used_bytes: MIB - 1 }], { outcome: "absent", confidence: "high" }],
    ["with one", [{ pid: 4242, used_bytes: MIB }], { outcome: "resident", confidence: "high" }],
    ["memory not told", [{ pid: 4242, used_bytes: null }], { outcome: "resident", confidence: "low" }],
  ] as const)("on the host, %s", (_, rows, expected) => {
    expect(find(rows, host)).toEqual(expected);
  });

  it.each([
    ["its own number", [{ pid: 17, used_bytes: MIB }], { outcome: "resident", confidence: "medium" }],
    ["alone under another", [{ pid: 4242, used_bytes: MIB }], { outcome: "resident", confidence: "low" }],
    ["nobody", [], { outcome: "unknown", confidence: "none" }],
    [
      "two others",
      [
        { pid: 4242, used_bytes: MIB },
        { pid: 4243, used_bytes: MIB },
      ],
      { outcome: "unknown", confidence: "none" },
    ],
  ] as const)("in a container, %s", (_, rows, expected) => {
    expect(find(rows, container)).toEqual(expected);
  });
});
