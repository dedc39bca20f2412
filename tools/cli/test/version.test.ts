import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { vrx } from "./helpers/vrx.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

describe("vrx --version", () => {
  it.each([[["--version"]], [["-V"]], [["version"]], [["-q", "-V"]]])("%j prints the version alone", (words) => {
    expect(vrx(words)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each([[["--version", "--json"]], [["--json", "-V"]]])("%j says what it runs on", (words) => {
    const { code, stdout } = vrx(words);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      vrx: version,
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
      engines: {
        reference: { status: "available" },
        cpu: { status: expect.stringMatching(/^(un)?available$/) as string },
        cuda: { status: "unavailable" },
      },
    });
  });
});
