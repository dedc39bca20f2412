import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { smallId, specText } from "./helpers/specs.js";
import { type Conditions, type Outcome, bash, vrx } from "./helpers/vrx.js";

const folder = testFolder();
// Somebody else must be able to look into it.
chmodSync(folder, 0o755);

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

function id(word: string, conditions: Conditions = {}): Outcome {
  return vrx(["workload", "id", word], { cwd: folder, ...conditions });
}

function expectRefused(outcome: Outcome, message: RegExp): void {
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr).not.toMatch(/\n\s+at |defect/);
  expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code: 2, stdout: "" });
}

describe("an input that is no spec is refused with its place", () => {
  it("random bytes", () => {
    const samples = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 300 }), { numRuns: 12, seed: 7 });
    const names = samples.map((bytes, index) => file(`random-${index}.bin`, bytes));
    const { code, stdout, stderr } = vrx(["workload", "id", ...names], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const name of names) expect(stderr).toContain(`${name}:`);
    expect(stderr).not.toMatch(/defect/);
  });

  it("a file cut anywhere", () => {
    const text = specText();
    const names = Array.from({ length: 25 }, (_, i) =>
      file(`cut-${i}.json`, text.slice(0, Math.floor((i * text.length) / 25))),
    );
    const { code, stdout, stderr } = vrx(["workload", "check", ...names], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const name of names) expect(stderr).toMatch(new RegExp(`^${name}:\\d+:\\d+: syntax_error`, "m"));
  });

  it("an empty file", () => expectRefused(id(file("empty.json", "")), /^empty\.json:1:1: syntax_error/));

  it("deep nesting", () => {
    expectRefused(id(file("deep.json", "[".repeat(5_000_000))), /^deep\.json:1:513: nesting_too_deep/);
  });

  it("keys of Object.prototype", () => {
    const outcome = id(file("proto.json", specText().replace("{", '{"__proto__": {"name": 1}, "constructor": 2,')));
    expectRefused(outcome, /^proto\.json:1:2: unknown_key.*__proto__/);
    expect(outcome.stderr).toMatch(/unknown_key.*constructor/);
  });

  it("terminal escapes in keys", () => {
    const outcome = id(file("escape.json", specText().replace('"name"', '"\\u001b[2J\\u0007"')));
    expect(outcome.stderr).not.toContain("\u001b");
    expect(outcome.code).toBe(2);
  });
});

describe("an input that cannot be read is refused", () => {
  it("a directory", () => {
    mkdirSync(join(folder, "directory.json"));
    expectRefused(id("directory.json"), /^directory\.json: expected a file, found a directory/);
    expectRefused(bash("vrx workload id - < .", { cwd: folder }), /^<stdin>: expected a file, found a directory/);
  });

  it("a file of 1 GB, unread", () => {
    const descriptor = openSync(join(folder, "huge.json"), "w");
    ftruncateSync(descriptor, 2 ** 30);
    closeSync(descriptor);
    expectRefused(id("huge.json"), /^huge\.json: expected at most 16 MiB, found 1073741824 bytes/);
    expectRefused(bash("vrx workload id - < huge.json", { cwd: folder }), /^<stdin>: expected at most 16 MiB/);
  });

  it("an endless device", () => {
    expectRefused(id("/dev/zero"), /^\/dev\/zero: expected at most 16 MiB, found more/);
    expectRefused(bash("yes | vrx workload id -"), /^<stdin>: expected at most 16 MiB, found more/);
  });

  it("a pipe nobody writes to", () => {
    execFileSync("mkfifo", [join(folder, "pipe.json")]);
    expectRefused(id("pipe.json"), /^pipe\.json: a pipe that nobody writes to/);
  });

  it("no permission", ({ skip }) => {
    chmodSync(join(folder, file("secret.json", specText())), 0);
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    const conditions = uid === undefined ? {} : { uid };
    if (id("od1_small", conditions).code !== 0) skip("nobody cannot run this checkout");
    expectRefused(id("secret.json", conditions), /^secret\.json: no permission to read it/);
  });

  it("a name that is not UTF-8", () => {
    expectRefused(bash("vrx workload id $'\\xff.json'", { cwd: folder }), /not UTF-8/);
  });

  it("a name with a zero byte in a preset prefix, and an empty one", () => {
    expectRefused(id(""), /no such preset or file/);
    expectRefused(id("preset:"), /no such preset/);
  });
});

describe("an output that cannot be written", () => {
  it("is told when the disk is full", () => {
    const { code, stderr } = bash("vrx workload id od1_small > /dev/full");
    expect({ code, stderr }).toEqual({ code: 2, stderr: "vrx: error: no space left on device (write, ENOSPC)\n" });
  });

  it("is no matter when the reader has gone: the exit code still says what was found", () => {
    const words = "od1_small ".repeat(5000);
    expect(bash(`vrx workload id ${words} | head -n 1; exit "\${PIPESTATUS[0]}"`)).toEqual({
      code: 0,
      stdout: `${smallId}\tod1_small\n`,
      stderr: "",
    });
    expect(bash(`vrx workload id ${words} nothing.json 2>/dev/null | head -n 1; exit "\${PIPESTATUS[0]}"`).code).toBe(
      2,
    );
    expect(bash(`vrx workload id ${"wrong ".repeat(5000)} 2> >(head -n 1 >/dev/null)`).code).toBe(2);
  });

  it("is no matter when it is closed", () => {
    expect(bash("vrx workload id od1_small >&-").code).toBe(0);
    expect(bash("vrx workload id wrong 2>&-").code).toBe(2);
  });
});
