import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { presets } from "@vrx/workload-schema";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { realId, smallId, specText } from "./helpers/specs.js";
import { bash, vrx } from "./helpers/vrx.js";

const folder = testFolder();
const workload = (...words: string[]): ReturnType<typeof vrx> => vrx(["workload", ...words], { cwd: folder });
writeFileSync(join(folder, "small.json"), specText());
writeFileSync(join(folder, "labelled.json"), specText({ top: { name: "mine" }, colony: { notes: ["any"] } }));
writeFileSync(join(folder, "bad.json"), specText({ ant: { ring_len: 0, precision: "fp23" }, colony: { x: 1 } }));
writeFileSync(join(folder, "worse.json"), "[]");

describe("vrx workload check", () => {
  it("lists the good on stdout and every problem of the bad on stderr", () => {
    const { code, stdout, stderr } = workload("check", "small.json", "bad.json", "worse.json");
    expect(stdout).toBe("small.json: ok\n");
    expect(
      stderr
        .trim()
        .split("\n")
        .map((line) => /^(\S+):\d+:\d+: (\w+):/.exec(line)?.slice(1).join(" ")),
    ).toEqual(["bad.json too_small", "bad.json not_in_enum", "bad.json unknown_key", "worse.json not_an_object"]);
    expect(code).toBe(2);
  });

  it("gives programs all of it in one array", () => {
    const { code, stdout } = workload("check", "--json", "small.json", "bad.json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "small.json", status: "ok", workload_id: smallId },
      { name: "bad.json", status: "invalid", issues: [{ found: "0" }, { suggestion: "fp32" }, {}] },
    ]);
  });
});

describe("vrx workload show", () => {
  it("prints the canonical form, which is a spec itself", () => {
    const { stdout } = workload("show", "labelled.json");
    expect(JSON.parse(stdout)).not.toHaveProperty("name");
    expect(vrx(["workload", "id", "-"], { input: stdout }).stdout).toBe(`${smallId}\n`);
  });

  it("prints exactly the bytes that are hashed", () => {
    const { stdout } = workload("show", "labelled.json", "--canonical");
    expect(stdout).toMatch(/^\{"ant_spec":\{"precision":"fp32",.*"schema_version":"workload_schema_v1"\}$/);
    expect(`wl_v1_${createHash("sha256").update(stdout).digest("hex").slice(0, 12)}`).toBe(smallId);
  });

  it("prints variables a shell can take", () => {
    const { stdout } = bash(
      'eval "$(vrx workload show od1_small --env)"; echo "$VRX_RING_LEN $VRX_PTR_DTYPE $VRX_SEQ_LEN"',
    );
    expect(stdout).toBe("2048 fp64 128\n");
  });

  it("gives programs all of it", () => {
    expect(JSON.parse(workload("show", "od1_real", "--json").stdout)).toMatchObject({
      workload_id: realId,
      ant_spec: { ring_len: 8192 },
      env: { VRX_SLOT_DIM: "576" },
    });
    expect(workload("show", "bad.json", "--json")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^bad\.json:/) as string,
    });
  });

  it("prints one form at a time", () => {
    expect(workload("show", "od1_small", "--env", "--canonical")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("vrx workload diff", () => {
  it("names the knobs that differ, and exits 1", () => {
    expect(workload("diff", "od1_small", "od1_real")).toEqual({
      code: 1,
      stderr: "",
      stdout: [
        `${smallId}\tod1_small`,
        `${realId}\tod1_real`,
        "ant_spec.ring_len       2048 -> 8192",
        "ant_spec.slot_dim       256 -> 576",
        "colony_spec.seq_len     128 -> 256",
        "colony_spec.synth_len   128 -> 256",
        "colony_spec.batch_size  4 -> 16",
        "",
      ].join("\n"),
    });
  });

  it("says that workloads are the same when only labels differ, and exits 0", () => {
    expect(workload("diff", "od1_small", "labelled.json")).toEqual({
      code: 0,
      stderr: "",
      stdout: `${smallId}\tthe same workload\nLabels, which are not part of the id, differ: /name, /colony_spec/notes\n`,
    });
    expect(workload("diff", "od1_small", "small.json").stdout).toBe(`${smallId}\tthe same workload\n`);
  });

  it("is not fooled by ids that collide", () => {
    const real = JSON.stringify(presets.od1_real);
    writeFileSync(join(folder, "one.json"), real.replace('"seq_len":256', '"seq_len":27808748'));
    writeFileSync(join(folder, "other.json"), real.replace('"seq_len":256', '"seq_len":34366062'));
    const { code, stdout } = workload("diff", "one.json", "other.json");
    expect(stdout).toContain("wl_v1_f7c3e86c4e28\tone.json\nwl_v1_f7c3e86c4e28\tother.json\n");
    expect(stdout).toContain("12 digits collide");
    expect(code).toBe(1);
  });

  it("gives programs all of it, also of bad specs", () => {
    expect(JSON.parse(workload("diff", "--json", "od1_small", "od1_real").stdout)).toMatchObject({
      same: false,
      a: { workload_id: smallId },
      b: { workload_id: realId },
      knobs: [{ section: "ant_spec", knob: "ring_len", env: "VRX_RING_LEN", a: 2048, b: 8192 }, {}, {}, {}, {}],
      labels: ["/name"],
    });
    const { code, stdout } = workload("diff", "--json", "od1_small", "bad.json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ same: null, a: { status: "ok" }, b: { status: "invalid" } });
  });
});

describe("vrx workload presets", () => {
  it("lists what `vrx workload id` takes by name", () => {
    const { code, stdout } = workload("presets");
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("\t"));
    expect(lines.map(([, name]) => name)).toEqual(Object.keys(presets));
    for (const [presetId, name] of lines) expect(workload("id", name ?? "").stdout).toBe(`${presetId ?? ""}\n`);
  });

  it("gives programs the specs", () => {
    expect(JSON.parse(workload("presets", "--json").stdout)).toMatchObject([{ workload_id: smallId }, {}, {}]);
  });
});

describe("vrx workload schema", () => {
  it("prints the published JSON Schema", () => {
    const published = readFileSync(
      new URL("../../../packages/workload-schema/schema/workload_schema_v1.schema.json", import.meta.url),
    );
    expect(workload("schema")).toEqual({ code: 0, stdout: published.toString("utf8"), stderr: "" });
  });
});
