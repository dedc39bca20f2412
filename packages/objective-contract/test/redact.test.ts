import { redactArgv, redactEnv, redactText } from "@vrx/objective-contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const secret = "hunter2";
const random = "aB3dE5gH7jK9mN1pQ3sT5vX7";

describe("secrets", () => {
  it.each([
    [["--token", secret]],
    [["--api-key", secret]],
    [["--apiKey", secret]],
    [[`--api-key=${secret}`]],
    [[`--hf-token=${secret}`]],
    [["-password", secret]],
    [[`HF_TOKEN=${secret}`]],
    [[`WANDB_API_KEY=${secret}`]],
    [[`DB_PASSWORD='${secret}'`]],
    [[`AWS_SECRET_ACCESS_KEY=${secret}`]],
    [["-H", `Authorization: Basic ${secret}`]],
    [["-H", `Authorization: Bearer ${secret}`]],
    [["-H", `X-Api-Key: ${secret}`]],
    [[`https://user:${secret}@example.org/x`]],
    [[`https://${secret}@example.org/x`]],
    [[`--remote=ssh://git:${secret}@example.org/x`]],
    [[`https://example.org/?a=1&access_token=${secret}&b=2`]],
    [[`{"password":"${secret}"}`]],
    [["ghp_" + "hunter2".repeat(4)]],
    [["sk-" + "hunter2".repeat(4)]],
    [["hf_" + "hunter2".repeat(4)]],
    [["AKIA" + "HUNTER2HUNTER2"]],
  ])("are taken out of %j", (argv) => {
    const redacted = redactArgv(["train.py", ...argv]);
    expect(redacted.join(" ").toLowerCase()).not.toContain(secret);
    expect(redacted[0]).toBe("train.py");
    expect(redactArgv(redacted)).toEqual(redacted);
  });

  it("are taken out when they only look random", () => {
    expect(redactText(`--resume ${random} now`)).toBe("--resume [redacted] now");
    expect(redactText("a".repeat(4) + "0123456789abcdef".repeat(2))).toBe("[redacted]");
  });
});

describe("what is no secret", () => {
  it.each([
    ["--max-tokens", "512"],
    ["--tokenizer", "gpt2"],
    ["--token-budget=4096"],
    ["--keys=64"],
    ["--device", "GPU-3b0c6f2e-7a1d-4c55-9d1e-0f2a6b7c8d9e"],
    ["--out", "runs/2026-11-22T05-09-44Z_wl_v1_37d4c849bed8__E1__fp32_amp0"],
    ["python", "/home/user/projects/experiments/train_language_model_v2.py"],
    ["--url", "https://example.org/path?seed=3"],
    ["--lr=0.001", "--seed=1234567890123456789012345"],
    ["CUDA_VISIBLE_DEVICES=0,1"],
  ])("stays: %s %s", (...argv) => {
    expect(redactArgv(argv)).toEqual(argv);
  });
});

describe("redaction", () => {
  it("changes nothing the second time, and keeps the number of arguments", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary-ascii" })), (argv) => {
        const once = redactArgv(argv);
        expect(once).toHaveLength(argv.length);
        expect(redactArgv(once)).toEqual(once);
      }),
    );
  });

  it("records only the variables on its list, own ones, without their secrets", () => {
    const env = { CUDA_VISIBLE_DEVICES: "0", NODE_OPTIONS: `--x=https://u:${secret}@h/`, HF_TOKEN: secret };
    const recorded = redactEnv(env);
    expect(recorded).toMatchObject({ CUDA_VISIBLE_DEVICES: "0", OMP_NUM_THREADS: null });
    expect(JSON.stringify(recorded)).not.toContain(secret);
    expect(redactEnv({}, ["toString"])).toEqual({ toString: null });
  });
});
