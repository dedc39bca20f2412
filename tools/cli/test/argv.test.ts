import { describe, expect, it } from "vitest";
import { commandTree } from "../src/commands/index.js";
import { normalized, splitRest } from "../src/frame/argv.js";

const split = (line: string): unknown => splitRest(line.split(" "), commandTree);
const normal = (line: string): string => normalized(line === "" ? [] : line.split(" "), commandTree).join(" ");

describe("what follows --", () => {
  it("is another program's for a command that runs one, from the first -- on", () => {
    expect(split("probe od1_small --seed 1 -- python train.py -- --json")).toEqual({
      words: ["probe", "od1_small", "--seed", "1"],
      rest: ["python", "train.py", "--", "--json"],
    });
    expect(split("-q probe --")).toEqual({ words: ["-q", "probe"], rest: [] });
    expect(split("probe od1_small")).toEqual({ words: ["probe", "od1_small"] });
  });

  it("stays with any other command", () => {
    expect(split("workload id -- -x")).toEqual({ words: ["workload", "id", "--", "-x"] });
    expect(split("check -- probe -- x")).toEqual({ words: ["check", "--", "probe", "--", "x"] });
  });
});

describe("other ways to say it", () => {
  it.each([
    ["help", "--help"],
    ["help workload id", "workload id --help"],
    ["-V", "version"],
    ["--json -q --version", "version --json -q"],
    ["workload id -V", "workload id -V"],
    ["worklaod --help", "worklaod"],
    ["workload idd -h", "workload idd"],
    ["workload -h", "workload -h"],
    ["", ""],
  ])("%j is %j", (written, meant) => {
    expect(normal(written)).toBe(meant);
  });

  it("leave the words of another program alone", () => {
    expect(normal("probe x -- prog --help -V")).toBe("probe x -- prog --help -V");
  });
});
