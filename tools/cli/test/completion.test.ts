import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandTree } from "../src/commands/index.js";
import { completionEntries } from "../src/completion/entries.js";
import { testFolder } from "./helpers/folder.js";
import { plainEnv, vrx } from "./helpers/vrx.js";

const folder = testFolder();
mkdirSync(join(folder, "runs"));
writeFileSync(join(folder, "my spec.json"), "");
const shells = ["bash", "zsh", "fish"] as const;
for (const shell of shells) writeFileSync(join(folder, `vrx.${shell}`), vrx(["completion", shell]).stdout);

function sh(shell: string, line: string): string[] {
  const { stdout, stderr } = spawnSync(shell, ["-c", line], { cwd: folder, encoding: "utf8", env: plainEnv() });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((word) => word !== "");
}

const offered = {
  bash: (...words: string[]) => {
    const quoted = ["vrx", ...words].map((word) => `'${word}'`).join(" ");
    return sh(
      "bash",
      `source vrx.bash; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _vrx; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  },
  fish: (...words: string[]) => {
    const lines = sh("fish", `source vrx.fish; complete -C '${["vrx", ...words].join(" ")}'`);
    return lines.map((line) => line.split("\t")[0] ?? "");
  },
};

function isThere(shell: string): boolean {
  return spawnSync(shell, ["-c", "true"]).status === 0;
}

describe.each(shells)("the completion script for %s", (shell) => {
  it("is accepted by the shell", ({ skip }) => {
    if (!isThere(shell)) skip(`${shell} is not installed`);
    expect(sh(shell, `${shell} -n vrx.${shell}`)).toEqual([]);
  });

  it("knows every command and every option", () => {
    const script = vrx(["completion", shell]).stdout;
    for (const { path, options } of completionEntries(commandTree)) {
      for (const word of path) expect(script).toContain(word);
      for (const { words } of options) {
        const long = words.at(-1) ?? "";
        expect(script).toContain(shell === "fish" ? `-l ${long.slice(2)}` : long);
      }
    }
  });
});

describe.each(["bash", "fish"] as const)("in %s", (shell) => {
  const complete = offered[shell];

  it("commands, options, values, presets, files and folders are offered where they belong", ({ skip }) => {
    if (!isThere(shell)) skip(`${shell} is not installed`);
    expect(complete("workl")).toEqual(["workload"]);
    expect(complete("workload", "")).toEqual(
      expect.arrayContaining(["id", "check", "show", "diff", "schema", "presets"]),
    );
    expect(complete("-q", "workload", "id", "--dial")).toEqual(["--dialect"]);
    expect(complete("workload", "id", "--dialect", "")).toEqual(expect.arrayContaining(["strict", "python"]));
    expect(complete("workload", "id", "--dialect", "")).toHaveLength(2);
    expect(complete("workload", "id", "od1_s").sort()).toEqual(["od1_small", "od1_stress"]);
    expect(complete("workload", "id", "my").map((word) => word.replaceAll("\\", ""))).toEqual(["my spec.json"]);
    expect(complete("check", "ru").map((word) => word.replace("/", ""))).toEqual(["runs"]);
    expect(complete("check", "my")).toEqual([]);
    expect(complete("probe", "od1_small", "--", "ls", "my").map((word) => word.replaceAll("\\", ""))).toEqual([
      "my spec.json",
    ]);
    expect(complete("completion", "z")).toEqual(["zsh"]);
  });
});
