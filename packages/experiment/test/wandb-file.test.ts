import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { crc32 } from "../src/internal/crc32.js";
import { WandbFile } from "../src/run/wandb-file.js";
import { openWandbLog } from "../src/run/wandb-log.js";
import { smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-wandb-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const BLOCK = 32_768;

/** Reads the framing from its description (LevelDB's log format, with CRC-32 over the type and the data). */
function recordsOf(bytes: Buffer): Buffer[] {
  expect(bytes.subarray(0, 4).toString()).toBe(":W&B");
  expect([bytes.readUInt16LE(4), bytes.readUInt8(6)]).toEqual([0xbee1, 0]);
  const records: Buffer[] = [];
  let parts: Buffer[] = [];
  for (let at = 7; at < bytes.length;) {
    const left = BLOCK - (at % BLOCK);
    if (left < 7) {
      expect(bytes.subarray(at, at + left).every((byte) => byte === 0)).toBe(true);
      at += left;
      continue;
    }
    const [checksum, length, type] = [bytes.readUInt32LE(at), bytes.readUInt16LE(at + 4), bytes.readUInt8(at + 6)];
    const data = bytes.subarray(at + 7, at + 7 + length);
    expect(data.length).toBe(length);
    expect((at % BLOCK) + 7 + length).toBeLessThanOrEqual(BLOCK);
    expect(crc32(data, crc32(Uint8Array.of(type)))).toBe(checksum);
    // 1 whole, 2 first, 3 middle, 4 last.
    expect(parts.length === 0 ? [1, 2] : [3, 4]).toContain(type);
    parts.push(data);
    if (type === 1 || type === 4) {
      records.push(Buffer.concat(parts));
      parts = [];
    }
    at += 7 + length;
  }
  expect(parts).toEqual([]);
  return records;
}

type Fields = Map<number, (number | Buffer)[]>;

/** Reads a protocol-buffer message: numbers and what has a length, by field. */
function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    let value: number | Buffer = varint();
    if (key % 8 === 2) {
      const end = at + value;
      value = bytes.subarray(at, end);
      at = end;
    } else expect(key % 8).toBe(0);
    const field = Math.floor(key / 8);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  expect(at).toBe(bytes.length);
  return fields;
}

const inside = (fields: Fields, field: number): Fields => fieldsOf(fields.get(field)![0] as Buffer);
const text = (fields: Fields, field: number): string =>
  (fields.get(field)?.[0] as Buffer | undefined)?.toString() ?? "";

/** `item { key = 1; value_json = 16 }` of a message, by key. */
function itemsOf(fields: Fields): Record<string, unknown> {
  const items = (fields.get(1) ?? []).map((item) => fieldsOf(item as Buffer));
  return Object.fromEntries(items.map((item) => [text(item, 1), JSON.parse(text(item, 16)) as unknown]));
}

describe("files for Weights & Biases", () => {
  it("are checked with the CRC-32 of zlib, in one piece or in several", () => {
    const bytes = Buffer.from("123456789");
    // The check value in the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC).
    expect(crc32(bytes)).toBe(0xcbf43926);
    expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926);
  });

  it("hold a header, the run, every figure and the end, in records that a parser of their framing reads", () => {
    const long = "x".repeat(70_000);
    const config = { lr: 0.01, nested: { a: [1, "2"] }, long };
    const run = { id: "abc123", project: "p", entity: "team", name: "t:r", group: "t", config };
    const file = WandbFile.create(root, run);
    // Enough to end at every distance from the end of a block.
    for (let step = 1; step <= 700; step++) file.history(step, { loss: 1 / step, odd: NaN });
    file.end({ loss: 0.5 }, 3);
    expect(readdirSync(file.dir).sort()).toEqual(["files", "run-abc123.wandb"]);
    const bytes = readFileSync(join(file.dir, "run-abc123.wandb"));
    expect(bytes.length).toBeGreaterThan(4 * BLOCK);
    const records = recordsOf(bytes).map(fieldsOf);
    expect(records.map((fields) => fields.get(1)![0])).toEqual(records.map((_, i) => i + 1));
    const kinds = records.map((fields) => [...fields.keys()].find((field) => field !== 1));
    expect(kinds).toEqual([21, 17, ...Array.from({ length: 700 }, () => 2), 3, 18]);
    const [header, said] = records;
    expect(text(inside(inside(header!, 21), 1), 1)).toBe("vrx");
    const saidRun = inside(said!, 17);
    expect([1, 2, 3, 6, 8].map((field) => text(saidRun, field))).toEqual(["abc123", "team", "p", "t", "t:r"]);
    expect(itemsOf(inside(saidRun, 4))).toEqual(config);
    const history = inside(records[12]!, 2);
    expect(itemsOf(history)).toMatchObject({ _step: 11, loss: 1 / 11 });
    expect(itemsOf(history)).not.toHaveProperty("odd");
    expect(inside(history, 2).get(1)).toEqual([11]);
    expect(itemsOf(inside(records.at(-2)!, 3))).toEqual({ loss: 0.5 });
    expect(inside(records.at(-1)!, 18).get(1)).toEqual([3]);
  });

  it("of a run that was killed are whole records up to there", () => {
    const file = WandbFile.create(root, { id: "killed", project: "p", entity: "", name: "n", group: "g", config: {} });
    file.history(1, { loss: 1 });
    expect(recordsOf(readFileSync(join(file.dir, "run-killed.wandb")))).toHaveLength(3);
    file.end({}, 1);
  });

  it("are written for online and offline, and not where logging says so", () => {
    for (const [wandb, wandb_mode, count] of [
      [true, "online", 1],
      [true, "offline", 1],
      [true, "disabled", 0],
      [false, "online", 0],
    ] as const) {
      const { manifest, target } = smallExperiment({ logging: { wandb, wandb_mode } });
      const dir = mkdtempSync(join(root, "logged-"));
      const log = openWandbLog(manifest, target, target.runs[0]!, dir);
      log.history(1, { loss: 2 });
      expect(log.end({ loss: 2 }, 0)).toBeNull();
      const runs = count === 0 ? [] : readdirSync(join(dir, "wandb"));
      expect(runs).toHaveLength(count);
      if (count === 0) continue;
      const [name] = readdirSync(join(dir, "wandb", runs[0]!)).filter((one) => one.endsWith(".wandb"));
      const records = recordsOf(readFileSync(join(dir, "wandb", runs[0]!, name!))).map(fieldsOf);
      expect(itemsOf(inside(records[2]!, 2))).toMatchObject({ loss: 2, "train/loss": 2 });
    }
  });

  it("that cannot be written end no run; what went wrong is said once", () => {
    writeFileSync(join(root, "file"), "");
    const { manifest, target } = smallExperiment({ logging: { wandb: true } });
    const log = openWandbLog(manifest, target, target.runs[0]!, join(root, "file"));
    log.history(1, { loss: 2 });
    expect(log.end({}, 0)).toMatch(/ENOTDIR/);
  });
});
