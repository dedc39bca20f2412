import { describe, expect, it } from "vitest";
import { vrx } from "./helpers/vrx.js";

interface Document {
  readonly platform: string;
  readonly addons: readonly {
    readonly name: string;
    readonly status: string;
    readonly file?: string;
    readonly fix?: string;
  }[];
}

const info = JSON.parse(vrx(["native", "info", "--json"]).stdout) as Document;
const notCompiled = info.addons.some(({ status }) => status !== "loaded");
if (notCompiled) console.log("skipped where an addon was not compiled");

describe("vrx native", () => {
  it("info names every addon, its file, or what to do; exit code 0 either way", () => {
    expect(info.platform).toBe(`${process.platform}-${process.arch}`);
    expect(info.addons.map(({ name }) => name)).toEqual(["cuda", "cpu_engine"]);
    for (const { status, file, fix } of info.addons) {
      expect(status === "loaded" ? file : fix).toMatch(status === "loaded" ? /\.node$/ : /compile|compiler/);
    }
    const { code, stdout } = vrx(["native", "info"]);
    expect(code).toBe(0);
    expect(stdout.split("\n")[0]).toMatch(/^cuda: /);
  });

  it.skipIf(notCompiled)("build leaves what loads alone, and says so", () => {
    const { code, stdout, stderr } = vrx(["native", "build"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/cuda loads as it is: .*vrx_cuda\.node/);
    expect(stdout).toMatch(/^cuda: (built|shipped), .*\ncpu_engine: /);
  });
});
