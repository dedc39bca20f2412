import { openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CliError, isCliError } from "../src/frame/cli-error.js";
import { reportFailure } from "../src/frame/failures.js";
import { createOutput } from "../src/frame/output.js";

function report(error: unknown, debug = false): { code: number; stderr: string } {
  let stderr = "";
  const output = createOutput({
    stdout: { write: () => undefined },
    stderr: { write: (text) => void (stderr += text) },
    verbosity: "quiet",
    colour: { stdout: () => false, stderr: () => false },
    showProgress: () => false,
    columns: () => 80,
  });
  return { code: reportFailure(error, output, debug), stderr };
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("a failure", () => {
  it("the user can mend is told in its own words, with exit code 2", () => {
    expect(report(new CliError("bad_input", "expected A, found B"))).toEqual({
      code: 2,
      stderr: "vrx: error: expected A, found B\n",
    });
  });

  it("of the system names the file and the reason, with exit code 2", () => {
    expect(report(thrown(() => openSync("/no/such/file", "r")))).toEqual({
      code: 2,
      stderr: "vrx: error: /no/such/file: no such file or directory (open, ENOENT)\n",
    });
  });

  it("of vrx itself says so and how to report it, with exit code 70 and without a stack trace", () => {
    const { code, stderr } = report(new TypeError("x is not a function"));
    expect(code).toBe(70);
    expect(stderr).toMatch(/^vrx: error: a defect of vrx: TypeError: x is not a function\n/);
    expect(stderr).toMatch(/https:\/\/github\.com\/vrx-dev\/vrx\/issues/);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(report("thrown text").stderr).toContain("a defect of vrx: thrown text");
  });

  it("has a stack trace with its causes in debug mode", () => {
    const { stderr } = report(new Error("outer", { cause: new Error("inner") }), true);
    expect(stderr).toMatch(/Error: outer\n\s+at [^]*caused by Error: inner\n\s+at /);
  });
});

describe("CliError", () => {
  it("is recognised from another copy of the package", () => {
    expect(isCliError(new CliError("bad_input", ""))).toBe(true);
    expect(isCliError({ [Symbol.for("vrx.CliError")]: true })).toBe(true);
    expect(isCliError(new Error("x"))).toBe(false);
    expect(isCliError(null)).toBe(false);
  });
});
