import { describe, expect, it } from "vitest";
import { createParser } from "../src/frame/commander-tree.js";
import { type RawCall, defineCommand, operand, operands, optionalOperand } from "../src/frame/define-command.js";
import { choice, flag, integer, text } from "../src/frame/options.js";
import { createOutput } from "../src/frame/output.js";

const output = createOutput({
  stdout: { write: () => undefined },
  stderr: { write: () => undefined },
  verbosity: "normal",
  colour: { stdout: () => false, stderr: () => false },
  showProgress: () => false,
  columns: () => 80,
});

const everything = defineCommand({
  name: "everything",
  summary: "use every kind of operand and option",
  operands: { first: operand("FIRST", "one"), second: optionalOperand("SECOND", "another") },
  options: {
    force: flag("force", { short: "f" }),
    "measure-steps": integer("steps", { min: 1, max: 100, fallback: 50 }),
    seed: integer("seed", { min: 0, fallback: undefined }),
    engine: choice(["reference", "cpu"], "engine", "cpu"),
    dir: text("DIR", "directory", { short: "d", completes: "directory" }),
  },
  examples: [{ does: "example", line: "vrx everything" }],
  load: () => Promise.resolve((call) => (seen.push(call), 0)),
});
const many = defineCommand({
  name: "many",
  summary: "use many operands",
  operands: { names: operands("NAME", "names") },
  options: {},
  examples: [{ does: "example", line: "vrx many" }],
  load: () => Promise.resolve((call) => (seen.push(call), 0)),
});
const seen: unknown[] = [];

async function call(...argv: string[]): Promise<unknown> {
  const parsed = createParser([everything, many], "about", () => undefined).parse(argv);
  if (parsed.command === "help") throw new Error("no help was asked for");
  const raw: RawCall = { ...parsed, rest: undefined, output, signal: new AbortController().signal };
  await parsed.command.run(raw);
  return seen.pop();
}

describe("a declared command", () => {
  it("gets its operands and options by name, with their types and defaults", async () => {
    expect(await call("everything", "a")).toMatchObject({
      operands: { first: "a", second: undefined },
      options: { force: false, "measure-steps": 50, seed: undefined, engine: "cpu", dir: undefined },
    });
    expect(
      await call("everything", "a", "-f", "b", "--measure-steps", "7", "--seed=0", "--engine", "reference", "-d", "-x"),
    ).toMatchObject({
      operands: { first: "a", second: "b" },
      options: { force: true, "measure-steps": 7, seed: 0, engine: "reference", dir: "-x" },
    });
    expect(await call("many", "a", "-q", "b", "--", "-c")).toMatchObject({ operands: { names: ["a", "b", "-c"] } });
  });

  it.each([
    [["--measure-steps", "0"], '--measure-steps: expected a whole number from 1 to 100, found "0"'],
    [["--measure-steps", "1e1"], 'found "1e1"'],
    [["--measure-steps", "5.0"], 'found "5.0"'],
    [["--measure-steps", ""], 'found ""'],
    [["--seed", "-1"], '--seed: expected a whole number of at least 0, found "-1"'],
    [["--seed", "9007199254740992"], 'found "9007199254740992"'],
    [["--engine", "cup"], '--engine: expected one of reference, cpu, found "cup"; did you mean cpu?'],
    [["--dir", ""], "--dir: expected DIR, found an empty text"],
  ])("refuses %j", async (words, message) => {
    await expect(call("everything", "a", ...words)).rejects.toThrow(message);
    expect(seen).toEqual([]);
  });
});

describe("a whole number", () => {
  const batch = integer("batch", { min: 1, fallback: undefined });

  it("that cannot be held exactly is refused with the largest that can", () => {
    expect(() => batch.parse("9007199254740993")).toThrow(/from 1 to 9007199254740991, found "9007199254740993"/);
    expect(() => batch.parse("0")).toThrow(/of at least 1, found "0"/);
  });
});
