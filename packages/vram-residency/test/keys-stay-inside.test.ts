import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, it } from "vitest";
import { fixedKeys, keyFileKeys, rotatingKeys, sealKey, workerTokenKeys } from "../src/seal-keys.js";
import { temporaryFolder } from "./temporary-folder.js";
import vectors from "./vectors/vectors.json" with { type: "json" };

it("derives the recorded key from a token, and shows neither", () => {
  const provider = workerTokenKeys(vectors.key_derivation.token);
  const recorded = sealKey(Buffer.from(vectors.key_derivation.key_hex, "hex"));
  expect(provider.current().id).toBe(recorded.id);
  const message = Buffer.from("m");
  expect(provider.current().mac(message)).toEqual(recorded.mac(message));
  const everything = `${inspect(provider, { depth: 9, showHidden: true })}${JSON.stringify(provider.current())}`;
  const begins = vectors.key_derivation.key_hex.slice(0, 12);
  const bytes = [...Buffer.from(begins, "hex")];
  for (const shown of [begins, begins.replaceAll(/../gu, "$& ").trim(), bytes.join(","), bytes.join(", ")]) {
    expect(everything).not.toContain(shown);
  }
  expect(everything).not.toContain("test-token");
});

it("refuses tokens and keys that protect nothing", () => {
  expect(() => workerTokenKeys("")).toThrow(/empty/u);
  expect(() => workerTokenKeys("same", { apiToken: "same" })).toThrow(/API token/u);
  expect(workerTokenKeys("worker", { apiToken: "api" }).current().id).toMatch(/^[0-9a-f]{16}$/u);
  for (const length of [0, 16, 31, 1025, 2048]) expect(() => sealKey(new Uint8Array(length))).toThrow(/32 to 1024/u);
  for (const length of [32, 1024]) for (const fill of [0, 255]) sealKey(new Uint8Array(length).fill(fill));
  expect(() => fixedKeys([])).toThrow(/no seal key/u);
});

it("reads a key file that only its owner can read", () => {
  const file = join(temporaryFolder(), "key");
  writeFileSync(file, Buffer.alloc(32, 9), { mode: 0o600 });
  expect(keyFileKeys(file).current().id).toBe(sealKey(Buffer.alloc(32, 9)).id);
  chmodSync(file, 0o644);
  expect(() => keyFileKeys(file)).toThrow(/chmod 600/u);
  expect(() => keyFileKeys(`${file}.none`)).toThrow(/cannot be read/u);
});

it("rotates: the newest signs, earlier ones verify until they are dropped", () => {
  const [first, second] = [sealKey(Buffer.alloc(32, 1)), sealKey(Buffer.alloc(32, 2))];
  const keys = rotatingKeys(first);
  keys.rotate(second);
  expect(keys.current()).toBe(second);
  expect(keys.find(first.id)).toBe(first);
  expect(() => keys.drop(second.id)).toThrow(/rotate first/u);
  keys.drop(first.id);
  expect(keys.find(first.id)).toBe(null);
  expect(() => first.mac(new Uint8Array())).toThrow(/disposed/u);
});
