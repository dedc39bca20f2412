import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadAddon, loadAddonFrom } from "../src/native-addon.js";
import { notCompiled } from "./cpu-engine.js";

const folder = mkdtempSync(join(tmpdir(), "vrx-addon-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the compiled engine", () => {
  it.skipIf(notCompiled)("is loaded from the build, with the instruction sets of this CPU", () => {
    const load = loadAddon();
    expect(load).toMatchObject({ status: "loaded", file: expect.stringMatching(/vrx_ring\.node$/) as string });
    if (load.status === "loaded") expect(load.levels[0]).toBe("generic");
  });

  it.skipIf(notCompiled)("is loaded once", () => {
    expect(loadAddon()).toBe(loadAddon());
  });

  it("is `not_found` where there is no file, with what to do", () => {
    const load = loadAddonFrom([join(folder, "none.node")]);
    expect(load).toMatchObject({ status: "unavailable", reason: "not_found" });
    if (load.status === "unavailable") expect(load.fix).toMatch(/native[/\\]build\.mjs/);
  });

  it("is `broken` where the file is no library, with the file and the cause", () => {
    const file = join(folder, "broken.node");
    writeFileSync(file, "no library");
    const load = loadAddonFrom([file]);
    expect(load).toMatchObject({ status: "unavailable", reason: "broken" });
    if (load.status === "unavailable") {
      expect(load.message).toContain(file);
      expect(load.cause).toBeInstanceOf(Error);
    }
  });

  it.skipIf(notCompiled)("is found behind a file that cannot be loaded", () => {
    const file = join(folder, "other-platform.node");
    writeFileSync(file, "of another platform");
    const found = loadAddon();
    if (found.status !== "loaded") throw new Error(found.message);
    expect(loadAddonFrom([file, found.file]).status).toBe("loaded");
  });
});
