import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { smallId } from "./helpers/specs.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const path = (name: string): string => join(folder, name);
const id = (out: string, spec = "od1_small"): ReturnType<typeof vrx> =>
  vrx(["workload", "id", spec, "-o", out], { cwd: folder });

describe("-o FILE", () => {
  it("takes the result, and stdout stays empty", () => {
    expect(id("new.txt")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(path("new.txt"), "utf8")).toBe(`${smallId}\n`);
  });

  it("replaces a file whole, also behind a link", () => {
    writeFileSync(path("old.txt"), "x".repeat(1000));
    symlinkSync("old.txt", path("link.txt"));
    expect(id("link.txt").code).toBe(0);
    expect(readFileSync(path("old.txt"), "utf8")).toBe(`${smallId}\n`);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("writes into a device, not over it, and never replaces a link to something that is no file", () => {
    symlinkSync("/dev/null", path("link-to-device"));
    symlinkSync("nowhere", path("link-to-nowhere"));
    expect(id("link-to-device").code).toBe(0);
    expect(id("link-to-nowhere").code).toBe(0);
    expect(readlinkSync(path("link-to-device"))).toBe("/dev/null");
    expect(readlinkSync(path("link-to-nowhere"))).toBe("nowhere");
    expect(readFileSync(path("nowhere"), "utf8")).toBe(`${smallId}\n`);
    expect(id("/dev/null").code).toBe(0);
    expect(readFileSync("/dev/null", "utf8")).toBe("");
    expect(id("/dev/full")).toMatchObject({ code: 2, stderr: expect.stringContaining("no space left") as string });
  });

  it("gets no colours", () => {
    const words = ["workload", "check", "od1_small", "-o", "colours.txt"];
    expect(vrx(words, { cwd: folder, env: { FORCE_COLOR: "1" } }).code).toBe(0);
    expect(readFileSync(path("colours.txt"), "utf8")).toBe("od1_small: ok\n");
  });

  it("means stdout with -, /dev/stdout and /dev/fd/1, whatever stdout is", () => {
    for (const name of ["-", "/dev/stdout", "/dev/fd/1"]) expect(id(name).stdout).toBe(`${smallId}\n`);
  });

  it("keeps the permissions of a file it replaces", () => {
    writeFileSync(path("private.txt"), "", { mode: 0o600 });
    expect(id("private.txt").code).toBe(0);
    expect(statSync(path("private.txt")).mode & 0o777).toBe(0o600);
  });

  it("says beforehand when the place cannot be written", () => {
    expect(id("no/such/folder.txt")).toEqual({
      code: 2,
      stdout: "",
      stderr: "vrx: error: cannot write no/such/folder.txt: no such file or directory\n",
    });
    expect(id(".")).toMatchObject({ code: 2, stderr: expect.stringMatching(/directory/) as string });
  });

  it("leaves a read-only folder alone", ({ skip }) => {
    if (process.getuid?.() === 0) skip("root can write everywhere");
    mkdirSync(path("read-only"));
    chmodSync(path("read-only"), 0o555);
    expect(id("read-only/file.txt")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("permission") as string,
    });
  });

  it("is left alone by a command that failed without a result", () => {
    writeFileSync(path("before.txt"), "before");
    expect(id("before.txt", "nothing.json").code).toBe(2);
    expect(readFileSync(path("before.txt"), "utf8")).toBe("before");
  });

  it("is not written when the command line is wrong", () => {
    expect(vrx(["workload", "show", "od1_small", "--json", "--env", "-o", "wrong.txt"], { cwd: folder }).code).toBe(2);
    expect(existsSync(path("wrong.txt"))).toBe(false);
  });
});
