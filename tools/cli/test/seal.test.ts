import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { writeRun } from "./helpers/run-directory.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const run = (...words: string[]): ReturnType<typeof vrx> => vrx(words, { cwd: folder });
const steady = Array.from({ length: 20 }, () => 0.01);

beforeAll(async () => {
  for (const name of ["run", "bare", "edited"]) await writeRun(join(folder, name), { times_s: steady });
});

describe("vrx seal and vrx check", () => {
  it("makes a key, seals, verifies, says which key, and that a run is not sealed", () => {
    const sealed = run("seal", "run", "--key", "lab.key", "--make-key");
    expect(sealed.code).toBe(0);
    const [, keyid = ""] = /key ([0-9a-f]{64})$/m.exec(sealed.stdout) ?? [];
    expect(statSync(join(folder, "lab.key")).mode & 0o077).toBe(0);

    const intact = run("check", "run");
    expect(intact.code).toBe(0);
    expect(intact.stdout).toContain(`with key ${keyid}, which nobody vouches for here`);
    expect(run("check", "run", "--trust", "lab.key.pub").stdout).toContain(`${keyid}, which is trusted`);
    expect(run("check", "bare").stdout).toContain("not sealed");
    expect(run("check", "bare", "--trust", "lab.key.pub").code).toBe(3);

    run("seal", "bare", "--key", "other.key", "--make-key");
    const foreign = run("check", "bare", "--trust", "lab.key.pub");
    expect(foreign).toMatchObject({
      code: 4,
      stdout: expect.stringContaining("not one of those that are trusted") as string,
    });
  });

  it("exits 4 for a run that was changed, although its artifacts agree", () => {
    run("seal", "edited", "--key", "lab.key");
    const file = join(folder, "edited", "summary.md");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `${before} `);
    const broken = run("check", "edited", "--json");
    expect(broken.code).toBe(4);
    expect(JSON.parse(broken.stdout)).toMatchObject([
      { exit_code: 4, seal: { status: "broken", problems: ["summary.md was changed after the seal"] } },
    ]);
    writeFileSync(file, before);
    expect(run("check", "edited").code).toBe(0);
  });

  it("seals files, and refuses what it cannot do", () => {
    writeFileSync(join(folder, "packets.jsonl"), "");
    expect(run("check", "packets.jsonl")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("not sealed") as string,
    });
    expect(run("seal", "packets.jsonl", "--key", "lab.key").stdout).toContain("packets.jsonl.seal.json: 1 file,");
    expect(run("check", "packets.jsonl").stdout).toMatch(/^packets.jsonl: 0 packets\n {2}sealed: 1 files/);
    expect(run("seal", "packets.jsonl", "--key", "lab.key")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("remove it to seal anew") as string,
    });
    expect(run("seal", "run").stderr).toContain("openssl genpkey");
    expect(run("seal", "run", "--key", "packets.jsonl").stderr).toContain("expected a private Ed25519 key");
    expect(run("seal", "run", "--key", "lab.key", "--make-key").stderr).toContain("is there already");
    expect(run("check", "run", "--trust", "packets.jsonl").code).toBe(2);
  });
});
