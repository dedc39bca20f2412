import { describe, expect, it } from "vitest";
import { readSafetensorsHeader, safetensorsHeaderBytes } from "../src/safetensors.js";

function file(header: string, data = 16) {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(data)]);
}
const read = (header: string, data?: number) => {
  const bytes = file(header, data);
  return readSafetensorsHeader(bytes, bytes.length);
};
const tensor = (from: number, to: number) => ({ dtype: "F32", shape: [1], data_offsets: [from, to] });

describe("a safetensors header", () => {
  it("gives names and ranges in the order of the bytes", () => {
    const header = JSON.stringify({
      __metadata__: { format: "pt" },
      b: tensor(8, 16),
      a: tensor(0, 8),
      none: tensor(16, 16),
    });
    const start = 8 + Buffer.byteLength(header);
    expect(read(header)).toEqual([
      { name: "a", offset: start, bytes: 8 },
      { name: "b", offset: start + 8, bytes: 8 },
      { name: "none", offset: start + 16, bytes: 0 },
    ]);
  });

  it("is refused where a tensor lies outside of the file or over another", () => {
    expect(() => read(JSON.stringify({ a: tensor(0, 17) }))).toThrow(/outside of the file/u);
    expect(() => read(JSON.stringify({ a: tensor(-1, 4) }))).toThrow(/outside of the file/u);
    expect(() => read(JSON.stringify({ a: tensor(8, 4) }))).toThrow(/outside of the file/u);
    expect(() => read(JSON.stringify({ a: tensor(0, 9), b: tensor(8, 16) }))).toThrow(/overlap/u);
    expect(() => read(JSON.stringify({ a: {} }))).toThrow(/no data_offsets/u);
    expect(() => read(JSON.stringify({ a: { data_offsets: [0, 1e300] } }))).toThrow(/no data_offsets/u);
    expect(() => read("[]")).toThrow(/no object/u);
    expect(() => read("{,")).toThrow(/not JSON/u);
  });

  it("is not one that is longer than the file", () => {
    expect(safetensorsHeaderBytes(Buffer.alloc(7), 100)).toBe(null);
    expect(safetensorsHeaderBytes(Buffer.alloc(8, 255), 100)).toBe(null);
    expect(() => readSafetensorsHeader(Buffer.alloc(16), 16)).toThrow(/does not begin with a header/u);
  });
});
