import { collectEnv, openRun } from "@vrx/objective-contract/node";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, headerOf } from "./support/runs.js";

/** An environment whose nvidia-smi is this shell script. */
function withSmi(script: string): NodeJS.ProcessEnv {
  const bin = folder();
  writeFileSync(join(bin, "nvidia-smi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
}

const collect = (env: NodeJS.ProcessEnv, cwd = folder()) => collectEnv({ precision: "fp32", amp: false, env, cwd });

const ordinary = `
case "$*" in
  *driver_model*) echo "Field \\"driver_model.current\\" is not a valid field to query." >&2; exit 2 ;;
  *query*) echo "560.35.03, NVIDIA H200, 143771, 9.0"; echo "560.35.03, NVIDIA T4, 15360, 7.5" ;;
  *) echo "| NVIDIA-SMI 560.35.03    Driver Version: 560.35.03    CUDA Version: 12.6 |" ;;
esac`;

describe("nvidia-smi", () => {
  it("describes the first GPU, in bytes", async () => {
    expect(await collect(withSmi(ordinary))).toMatchObject({
      gpu_name: "NVIDIA H200",
      total_vram_bytes: 143771 * 1048576,
      compute_capability: "9.0",
      driver_version: "560.35.03",
      cuda_driver_reported: "12.6",
      cuda_version: "12.6",
      driver_model: null,
      nvidia_smi_query: {
        name: "NVIDIA H200",
        "memory.total": "143771",
        driver_version: "560.35.03",
        compute_cap: "9.0",
      },
      errors: expect.arrayContaining(["nvidia_smi_query_nonzero_rc(5_fields):2"]) as string[],
    });
  });

  it("tells the driver's model where there is one", async () => {
    const env = withSmi(`case "$*" in *query*) echo "551.0, GPU, 8192, 8.6, WDDM" ;; *) echo raw ;; esac`);
    expect(await collect(env)).toMatchObject({ driver_model: "WDDM", total_vram_bytes: 8192 * 1048576 });
  });

  it.each([
    ["that is not there", null, "nvidia_smi_not_found"],
    ["that fails", "exit 9", "nvidia_smi_query_nonzero_rc(4_fields):9"],
    ["that says nothing", "exit 0", "nvidia_smi_query_empty(4_fields)"],
    [
      "that talks garbage",
      String.raw`printf '\377\001,\033[1m,x\n,,\200'`,
      "nvidia_smi_query_field_mismatch(4_fields)",
    ],
    [
      "whose garbage has as many fields",
      String.raw`printf '\377\001,\033[1m,16384,8.6\n'`,
      "nvidia_smi_query_not_a_driver_version(4_fields)",
    ],
    ["that floods", "yes", "nvidia_smi_query_nonzero_rc(4_fields):ERR_CHILD_PROCESS_STDIO_MAXBUFFER"],
    ["that hangs", "sleep 30", "nvidia_smi_query_failed(4_fields)"],
  ])("%s leaves nulls with a reason", async (_what, script, error) => {
    const facts = await collect(script === null ? { PATH: folder() } : withSmi(script));
    expect(facts).toMatchObject({ gpu_name: null, total_vram_bytes: null, driver_version: null });
    expect(facts.errors.join(" ")).toContain(error);
    for (const key of ["gpu_name", "total_vram_bytes", "driver_version"]) expect(facts.reasons[key]).toBeTruthy();
  });

  it("that does not know its memory leaves that alone null", async () => {
    const facts = await collect(withSmi(`echo "1.0, GPU, [N/A], 8.6"`));
    expect(facts).toMatchObject({ gpu_name: "GPU", total_vram_bytes: null });
    expect(facts.errors).toContain("nvidia_smi_parse_memory_total_failed");
  });
});

describe("git", () => {
  const git = (cwd: string, ...args: string[]): string =>
    spawnSync("git", args, { cwd, encoding: "utf8" }).stdout.trim();
  const env = { PATH: process.env["PATH"] ?? "" };

  it("tells the commit, and whether anything is changed on top of it", async () => {
    const cwd = folder();
    git(cwd, "init", "-q");
    writeFileSync(join(cwd, "a"), "a");
    git(cwd, "add", "a");
    git(cwd, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a");
    expect(await collect(env, cwd)).toMatchObject({
      git_commit: git(cwd, "rev-parse", "HEAD"),
      git_dirty: 0,
      git_error: null,
    });
    writeFileSync(join(cwd, "b"), "b");
    expect(await collect(env, cwd)).toMatchObject({ git_dirty: 1 });
  });

  it.each([
    ["outside of a repository", env, "git_rev_parse_nonzero_rc:128"],
    ["without git", { PATH: "/nonexistent" }, "git_not_found"],
  ])("is null with a reason %s", async (_what, where, error) => {
    const facts = await collect(where);
    expect(facts).toMatchObject({ git_commit: null, git_dirty: null });
    expect(facts.git_error).toContain(error);
    expect(facts.reasons["git_commit"]).toContain(error);
  });
});

describe("the environment as a whole", () => {
  it("gives a reason for every null, and for nothing else", async () => {
    const facts = await collect({ PATH: folder(), HF_TOKEN: "hf_secretsecretsecret", OMP_NUM_THREADS: "2" });
    const nulls = Object.entries(facts).flatMap(([key, value]) => (value === null ? [key] : []));
    expect(Object.keys(facts.reasons).sort()).toEqual(nulls.sort());
    expect(facts.env_vars).toMatchObject({ OMP_NUM_THREADS: "2", CUDA_VISIBLE_DEVICES: null });
    expect(JSON.stringify(facts)).not.toContain("secret");
  });

  it("takes what the caller knows better", async () => {
    const facts = await collectEnv({
      precision: "fp32",
      amp: false,
      env: { PATH: folder() },
      known: { torch_version: "2.9.0" },
    });
    expect(facts.torch_version).toBe("2.9.0");
    expect(facts.reasons).not.toHaveProperty("torch_version");
  });

  it("is collected when a run is opened without it", async () => {
    const dir = folder();
    const run = await openRun(dir, headerOf({ heartbeat: null }));
    await run.finish({ status: "interrupted", stop_reason: "test" });
    expect(readdirSync(dir)).toContain("env.json");
    expect(JSON.parse(readFileSync(join(dir, "env.json"), "utf8"))).toMatchObject({ node_version: process.version });
  });
});
