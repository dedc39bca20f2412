import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { bash, vrx } from "./helpers/vrx.js";

const folder = testFolder();
const golden = readFileSync(fileURLToPath(new URL("vectors/E_f64_nosensory.json", import.meta.url)), "utf8");
writeFileSync(join(folder, "good.json"), golden);

interface Golden {
  config: Record<string, unknown>;
  steps: { loss: number }[];
}

function changed(name: string, change: (golden: Golden) => void): string {
  const value = JSON.parse(golden) as Golden;
  change(value);
  writeFileSync(join(folder, name), JSON.stringify(value));
  return name;
}

const verify = (...words: string[]): ReturnType<typeof vrx> =>
  vrx(["ring", "verify", ...words, "--engine", "reference"], { cwd: folder });
const otherLoss = changed("other-loss.json", ({ steps }) => (steps[0]!.loss *= 1.001));

describe("vrx ring verify", () => {
  it("exits 0 for a recording that is met, with the error of each group", () => {
    const { code, stdout, stderr } = verify("good.json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^good\.json: ok \(reference in fp64, 3 of 3 steps, at most 1e-9\)\n/);
    expect(stdout).toMatch(/^ {2}logits \S+ {2}loss \S+ {2}grads \S+ {2}params \S+ {2}trace \S+\n$/m);
  });

  it("exits 1 for a recording that is not met", () => {
    const { code, stdout } = verify("good.json", otherLoss);
    expect(stdout).toMatch(/^good\.json: ok/);
    expect(stdout).toMatch(/^other-loss\.json: not met .*\n {2}logits \S+ {2}loss 1\.0e-3/m);
    expect(code).toBe(1);
  });

  it("takes the engine that is there unless told otherwise", () => {
    const { code, stdout } = vrx(["ring", "verify", "good.json", "--json"], { cwd: folder });
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { engine: string }[])[0]?.engine).toMatch(/^(cpu|reference)$/);
  });

  it("gives programs one array, also for one file and with bad ones in it", () => {
    const { code, stdout, stderr } = verify("--json", "good.json", "no-such-file.json");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^no-such-file\.json: no such file/);
    const entry = {
      file: "good.json",
      name: "E_f64_nosensory",
      engine: "reference",
      ok: true,
      max_rel_err: Object.fromEntries(
        ["logits", "loss", "grads", "params", "trace"].map((group) => [group, expect.closeTo(0, 9) as number]),
      ),
    };
    expect(JSON.parse(stdout)).toMatchObject([entry, { file: "no-such-file.json", engine: "reference", ok: false }]);
    expect(JSON.parse(verify("--json", "good.json").stdout)).toMatchObject([entry]);
  });

  it("replays the good files even when others are bad, and exits 2", () => {
    const { code, stdout } = verify("no-such-file.json", otherLoss, "good.json");
    expect(stdout).toMatch(/^other-loss\.json: not met[^]*^good\.json: ok/m);
    expect(code).toBe(2);
  });

  it("reads standard input for -", () => {
    expect(bash("vrx ring verify - --engine reference < good.json", { cwd: folder }).stdout).toMatch(/^-: ok/);
  });

  it.each([
    ["empty.json", "", /^empty\.json: bad_json: /],
    ["cut.json", golden.slice(0, golden.length / 2), /^cut\.json: bad_json: /],
    ["list.json", "[]", /^list\.json: /],
    ["deep.json", "[".repeat(1_000_000), /^deep\.json: bad_json: /],
    ["bytes.json", "\u00ff\u0000\u001b[2J", /^bytes\.json: bad_json: /],
    ["huge-size.json", golden.replace(/"ring_len": ?\d+/, '"ring_len": 2000000000'), /^huge-size\.json: /],
    ["wrong-type.json", golden.replace(/"loss": ?[\d.e-]+/, '"loss": "0.5"'), /^wrong-type\.json: wrong_type: .*loss/],
  ])("exits 2 for %s and says where it is wrong", (name, text, message) => {
    writeFileSync(join(folder, name), text);
    const { code, stdout, stderr } = verify(name);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("defect");
    expect(stderr).not.toContain("\u001b");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("takes nothing in the place of a GPU that is not there, and reads nothing", () => {
    const words = ["ring", "verify", "no-such-file.json", "--engine", "cuda", "--device", "cuda:99"];
    const { code, stdout, stderr } = vrx(words, { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^vrx: error: there is no (CUDA driver|native addon|device)/);
    expect(stderr).not.toContain("no-such-file");
  });
});
