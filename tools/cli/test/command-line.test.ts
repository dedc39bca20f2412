import { describe, expect, it } from "vitest";
import { vrx } from "./helpers/vrx.js";

describe("a wrong command line", () => {
  const cases: [string[], RegExp][] = [
    [[], /expected a command after `vrx`/],
    [["workload"], /expected a command after `vrx workload`: id, check/],
    [["worklaod"], /unknown command 'worklaod' \(did you mean workload\?\)/],
    [["workload", "idd"], /unknown command 'idd' \(did you mean id\?\)/],
    [["workload", "id"], /missing required argument 'SPEC'/],
    [["workload", "id", "--ful", "od1_small"], /unknown option '--ful' \(did you mean --full\?\)/],
    [
      ["workload", "id", "--dialect", "pyton", "od1_small"],
      /--dialect: expected one of strict, python, found "pyton"; did you mean python\?/,
    ],
    [["workload", "id", "--dialect"], /argument missing/],
    [["workload", "diff", "od1_small"], /missing required argument 'B'/],
    [["workload", "diff", "od1_small", "od1_real", "od1_stress"], /too many arguments/],
    [["completion", "zhs"], /expected one of bash, zsh, fish, found "zhs"; did you mean zsh\?/],
    [["--wrong"], /unknown option '--wrong'/],
    [["workload", "id", "-", "-"], /standard input \(`-`\) can be read once/],
    [["workload", "id", "__proto__", "--constructor"], /unknown option '--constructor'/],
    [["__proto__"], /unknown command '__proto__'/],
    [["constructor", "--help"], /unknown command 'constructor'/],
  ];

  it.each(cases)("%j exits 2 and says why on stderr alone", (words, message) => {
    const { code, stdout, stderr } = vrx(words);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("shows a stack trace only with VRX_DEBUG=1", () => {
    expect(vrx(["wrong"], { env: { VRX_DEBUG: "1" } }).stderr).toMatch(/\n\s+at /);
  });

  it("cannot colour or redraw a terminal through its own words", () => {
    const { stderr } = vrx(["\u001b[31mred\u202e"]);
    expect(stderr).toContain("\\x1b[31mred\\u202e");
    expect(stderr).not.toContain("\u001b");
  });
});

describe("common options", () => {
  it("stand before and after the command", () => {
    const { stdout } = vrx(["workload", "id", "od1_small"]);
    expect(vrx(["-q", "workload", "id", "od1_small"]).stdout).toBe(stdout);
    expect(vrx(["workload", "-v", "id", "od1_small"]).stdout).toBe(stdout);
    expect(vrx(["workload", "id", "od1_small", "-q", "--no-color", "--no-progress"]).stdout).toBe(stdout);
  });

  it("end at --, after which a word is an operand whatever it looks like", () => {
    expect(vrx(["workload", "id", "--", "--full"]).stderr).toMatch(/^--full: no such preset or file/);
  });
});

describe("colours", () => {
  const check = ["workload", "check", "od1_small"];
  const good = "od1_small: \u001b[32mok\u001b[39m\n";

  it("are for terminals", () => {
    expect(vrx(check).stdout).toBe("od1_small: ok\n");
  });

  it("can be forced", () => {
    expect(vrx(check, { env: { FORCE_COLOR: "1" } }).stdout).toBe(good);
    expect(vrx(check, { env: { FORCE_COLOR: "0" } }).stdout).toBe("od1_small: ok\n");
  });

  it("are off with NO_COLOR or --no-color, even when forced", () => {
    expect(vrx(check, { env: { FORCE_COLOR: "1", NO_COLOR: "1" } }).stdout).toBe("od1_small: ok\n");
    expect(vrx([...check, "--no-color"], { env: { FORCE_COLOR: "1" } }).stdout).toBe("od1_small: ok\n");
    expect(vrx(check, { env: { FORCE_COLOR: "1", NO_COLOR: "" } }).stdout).toBe(good);
  });
});
