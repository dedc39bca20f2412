import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fakeDriver } from "../../src/testing/fake-driver.js";
import { openTreeHasher } from "../../src/tree-hash-device.js";
import { hashFileTreeBy, hostTreeMethods } from "../../src/tree-hash-host.js";
import { cannotSimulate } from "../simulated.js";
import { someBytes } from "../tree-data.js";

const missing = spawnSync("fsverity", ["--version"]).error !== undefined;
if (missing) console.warn("skipped: fsverity (Debian's package fsverity) is not installed");

const folder = mkdtempSync(join(tmpdir(), "vrx-fsverity-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const sizes = [0, 1, 4095, 4096, 4097, 8192, 524_288, 524_289, 3_000_001, 67_108_864, 67_108_865];
const salts = ["", "00", "0123456789abcdef", "ff".repeat(32)];
const cases = sizes.map((bytes, i) => ({ bytes, salt: salts[i % salts.length]! }));

describe.skipIf(missing)("fsverity-utils", () => {
  it.each(cases)("agrees on $bytes bytes with the salt '$salt'", async ({ bytes, salt }) => {
    const data = someBytes(bytes, bytes + 1);
    const file = join(folder, "data");
    writeFileSync(file, data);
    const words = ["digest", "--compact", ...(salt === "" ? [] : [`--salt=${salt}`]), file];
    const expected = execFileSync("fsverity", words, { encoding: "utf8" }).trim();
    const key = Buffer.from(salt, "hex");
    for (const method of hostTreeMethods()) {
      expect((await hashFileTreeBy(method, file, { salt: key })).digest, method).toBe(expected);
    }
    if (cannotSimulate !== null || bytes === 0 || bytes > 4_000_000) return;
    const fake = fakeDriver();
    const context = await (await fake.open()).devices[0]!.openContext();
    const hasher = await openTreeHasher(context);
    const buffer = context.alloc(bytes);
    await buffer.copyFrom(file);
    expect((await hasher.hash(buffer, { salt: key })).digest).toBe(expected);
    for (const each of [buffer, hasher, context, fake]) each.dispose();
  });
});
