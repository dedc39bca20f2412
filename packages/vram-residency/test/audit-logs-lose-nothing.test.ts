import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../src/audit-event.js";
import { auditFiles, openAuditLog, verifyAuditLog } from "../src/audit-log.js";
import { temporaryFolder } from "./temporary-folder.js";

const started: AuditEvent = { event_type: "WorkerStarted", boot_nonce: "0", gpu_uuid: "GPU-0", simulated: true };
const verified: AuditEvent = { event_type: "SealVerified", shard_id: "s", tier: "tree" };
const allocated = (shard_id: string): AuditEvent => ({
  event_type: "VramAllocated",
  shard_id,
  gpu_device: 0,
  requested_bytes: 1,
  allocated_bytes: 1,
  available_bytes: 2,
  used_bytes: 1,
});
const lines = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");

describe("an audit log", () => {
  it("has critical events on disk at once and the others when it is flushed, in one chain", () => {
    const file = join(temporaryFolder(), "audit.ndjson");
    const log = openAuditLog({ file, worker_id: "w", clock: () => 0 });
    log.emit(started);
    expect(lines(file)).toHaveLength(1);
    log.emit(verified, "request-1");
    expect(lines(file)).toHaveLength(1);
    log.flush();
    expect(JSON.parse(lines(file)[1]!)).toMatchObject({
      seq: 2,
      timestamp: "1970-01-01T00:00:00.000Z",
      worker_id: "w",
      correlation_id: "request-1",
      event_type: "SealVerified",
    });
    const { head } = log;
    log.close();
    log.close();
    expect(verifyAuditLog(file, { anchor: head })).toMatchObject({ status: "intact", lines: 2 });
  });

  it("goes on where it ended, through the files it set aside", () => {
    const file = join(temporaryFolder(), "audit.ndjson");
    for (let session = 0; session < 3; session++) {
      const log = openAuditLog({ file, worker_id: "w", maxFileBytes: 900 });
      log.emit(started);
      for (let i = 0; i < 4; i++) log.emit(allocated(`s${i}`));
      log.emit({ event_type: "WorkerStopped", reason: "test" });
      log.close();
    }
    expect(auditFiles(file).length).toBeGreaterThan(3);
    expect(verifyAuditLog(file)).toMatchObject({ status: "intact", lines: 18, head: { seq: 18 } });
  });

  it("cuts off what a killed writer left half written, and says what was lost", () => {
    const file = join(temporaryFolder(), "audit.ndjson");
    const log = openAuditLog({ file, worker_id: "w" });
    log.emit(started);
    log.emit(allocated("kept"));
    log.emit(allocated("freed"));
    log.emit({
      event_type: "VramDeallocated",
      shard_id: "freed",
      gpu_device: 0,
      freed_bytes: 1,
      remaining_bytes: 1,
      scrubbed: true,
    });
    log.close();
    appendFileSync(file, '{"seq":5,"half');
    const next = openAuditLog({ file, worker_id: "w" });
    next.close();
    expect(JSON.parse(lines(file).at(-1)!)).toMatchObject({
      event_type: "UncleanShutdown",
      torn_bytes: 14,
      lost_shards: ["kept"],
    });
    expect(verifyAuditLog(file)).toMatchObject({ status: "intact", lines: 5 });
  });

  it("has one writer, and is taken over from one that is gone", () => {
    const file = join(temporaryFolder(), "audit.ndjson");
    const log = openAuditLog({ file, worker_id: "w" });
    expect(() => openAuditLog({ file, worker_id: "w" })).toThrow(/a log of its own/u);
    log.close();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(`${file}.lock`, String(pid));
    openAuditLog({ file, worker_id: "w" }).close();
    writeFileSync(`${file}.lock`, "1");
    expect(() => openAuditLog({ file, worker_id: "w" })).toThrow(/process 1 writes/u);
  });

  it("is not continued where it was changed", () => {
    const folder = temporaryFolder();
    const file = join(folder, "audit.ndjson");
    const log = openAuditLog({ file, worker_id: "w" });
    log.emit(allocated("a"));
    log.close();
    writeFileSync(file, readFileSync(file, "utf8").replace('"a"', '"b"'));
    expect(() => openAuditLog({ file, worker_id: "w" })).toThrow(/broken at line 1/u);
    expect(readdirSync(folder)).toEqual(["audit.ndjson"]);
  });

  it("counts what a full disk does not take, and its chain stays whole", () => {
    const file = join(temporaryFolder(), "audit.ndjson");
    const log = openAuditLog({ file, worker_id: "w", minFreeBytes: Number.MAX_SAFE_INTEGER });
    log.emit(verified);
    log.emit(allocated("a"));
    expect([log.emit_failures, log.critical_emit_failures]).toEqual([2, 1]);
    log.close();
    const next = openAuditLog({ file, worker_id: "w" });
    next.emit(started);
    next.close();
    expect(verifyAuditLog(file)).toMatchObject({ status: "intact", lines: 1 });
  });

  it("takes no control characters and no endless texts from outside", () => {
    const file = join(temporaryFolder(), "audit.ndjson");
    const log = openAuditLog({ file, worker_id: "w" });
    log.emit(
      { event_type: "SealFailed", shard_id: "a", gpu_device: 0, reason: `\u001b[2J\n${"x".repeat(5000)}` },
      "id\nforged",
    );
    log.close();
    const text = readFileSync(file, "utf8");
    expect(text).not.toMatch(/\\u001b|\\n/u);
    expect(text.length).toBeLessThan(1600);
  });
});
