import { describe, expect, it } from "vitest";
import { commandTree } from "../src/commands/index.js";
import { vrx } from "./helpers/vrx.js";

const places = [
  [],
  ...commandTree.flatMap((entry) =>
    entry.kind === "command" ? [[entry.name]] : [[entry.name], ...entry.commands.map(({ name }) => [entry.name, name])],
  ),
];
const commands = commandTree.flatMap((entry) => (entry.kind === "command" ? [entry] : entry.commands));

describe("help", () => {
  it.each(places.map((place) => ({ line: ["vrx", ...place, "--help"].join(" "), place })))("$line", ({ place }) => {
    const { code, stdout, stderr } = vrx([...place, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchSnapshot();
  });

  it.each(commands)("has examples of vrx for $name", ({ examples }) => {
    for (const { line } of examples) expect(line).toMatch(/\bvrx /);
  });

  it("is what `vrx help COMMAND` and -h print too", () => {
    const { stdout } = vrx(["workload", "id", "--help"]);
    expect(vrx(["help", "workload", "id"]).stdout).toBe(stdout);
    expect(vrx(["workload", "id", "-h"]).stdout).toBe(stdout);
    expect(vrx(["help"]).stdout).toBe(vrx(["--help"]).stdout);
  });

  it("fits in 100 columns", () => {
    for (const place of places) {
      const long = vrx([...place, "--help"])
        .stdout.split("\n")
        .filter((line) => line.length > 100);
      expect(long).toEqual([]);
    }
  });
});
