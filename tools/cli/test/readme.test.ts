import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { specText } from "./helpers/specs.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
writeFileSync(join(folder, "my-workload.json"), specText({ ant: { precision: "bf16" } }));
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The commands of the first example that need no machine, with what they print. */
const sessions = [...readme.matchAll(/^\$ vrx (workload [^\n]+)\n((?:[^$`\n][^\n]*\n)+)/gm)];

describe("the README", () => {
  it.each(sessions.map(([, line = "", shown = ""]) => ({ line, shown })))(
    "shows what `vrx $line` prints",
    ({ line, shown }) => {
      expect(vrx(line.trim().split(" "), { cwd: folder }).stdout).toBe(shown);
    },
  );

  it("has such examples", () => {
    expect(sessions.length).toBeGreaterThanOrEqual(2);
  });
});
