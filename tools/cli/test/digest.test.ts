import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testFolder } from "./helpers/folder.js";
import { vrx } from "./helpers/vrx.js";

const folder = testFolder();
const digest = (...words: string[]): ReturnType<typeof vrx> => vrx(["digest", ...words], { cwd: folder });

// Of fsverity-utils: fsverity digest FILE, and with --salt.
const hello = "555b589c26ee43b7a2510e6c67ced9fb3190b6da6e9e683984551f5d77a763de";
const zeros = "feb19a23e72cb1b8f935d668a09ecaad0bf7c5b9cdfa6dbba7c88a9998ed2b87";
const empty = "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95";
const salt = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const salted = "46d103abc4c532d45d1547a89ec3e90d4a5a0c593e16ef61e42eb875241c677c";

beforeAll(() => {
  writeFileSync(join(folder, "hello"), "hello");
  writeFileSync(join(folder, "zeros"), new Uint8Array(2 ** 20));
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "a name\twith a tab"), "hello");
  mkdirSync(join(folder, "directory"));
});

describe("vrx digest", () => {
  it("prints what fsverity digest prints", () => {
    const { code, stdout, stderr } = digest("hello", "zeros", "empty");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(`sha256:${hello} hello\nsha256:${zeros} zeros\nsha256:${empty} empty\n`);
  });

  it("takes a salt, and prints the digits alone where asked", () => {
    expect(digest("--salt", salt, "hello").stdout).toBe(`sha256:${salted} hello\n`);
    expect(digest("--salt", salt.toUpperCase(), "--compact", "hello").stdout).toBe(`${salted}\n`);
    expect(digest("--compact", "--threads", "2", "zeros").stdout).toBe(`${zeros}\n`);
  });

  it("prints one JSON document", () => {
    expect(JSON.parse(digest("--json", "hello").stdout)).toEqual([
      { file: "hello", digest: `sha256:${hello}`, root: expect.stringMatching(/^b15056c9/) as string, bytes: 5 },
    ]);
  });

  it("names what cannot be read, hashes the rest, and exits 2", () => {
    const { code, stdout, stderr } = digest("missing", "hello", "directory", "/dev/null");
    expect(code).toBe(2);
    expect(stdout).toBe(`sha256:${hello} hello\n`);
    expect(stderr).toMatch(/missing: no such file\n.*directory: expected a file, found a directory\n.*regular file\n/s);
  });

  it.each([
    [["--salt", "0", "hello"], /--salt: expected 2 to 64 hexadecimal digits.*found "0"/],
    [["--salt", `${salt}00`, "hello"], /--salt/],
    [["--salt", "zz", "hello"], /--salt/],
    [["--threads", "0", "hello"], /--threads/],
    [[], /expected FILE, or --check LIST/],
  ])("refuses %j", (words, message) => {
    const { code, stdout, stderr } = digest(...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});

describe("vrx digest --check", () => {
  it("says of every file of a list whether it is what it was", () => {
    expect(digest("hello", "zeros", "a name\twith a tab", "-o", "list").code).toBe(0);
    const { code, stdout } = digest("--check", "list");
    expect(stdout).toBe('hello: ok\nzeros: ok\n"a name\\twith a tab": ok\n');
    expect(code).toBe(0);
    expect(digest("--check", "list", "zeros").stdout).toBe("zeros: ok\n");
  });

  it("exits 1 for a file that changed or is gone", () => {
    writeFileSync(join(folder, "wrong"), `sha256:${zeros} hello\nsha256:${zeros} zeros\nsha256:${zeros} gone\n`);
    const { code, stdout, stderr } = digest("--check", "wrong");
    expect(stdout).toBe(
      `hello: failed: expected sha256:${zeros}, found sha256:${hello}\nzeros: ok\ngone: failed: no such file\n`,
    );
    expect(stderr).toMatch(/gone: no such file/);
    expect(code).toBe(1);
    expect(JSON.parse(digest("--check", "wrong", "--json", "hello").stdout)).toEqual([
      { file: "hello", expected: `sha256:${zeros}`, found: `sha256:${hello}`, ok: false },
    ]);
  });

  it("refuses a list that is none, with every line of it", () => {
    writeFileSync(join(folder, "bad"), `sha256:${hello} hello\n${hello} hello\n\nmd5:12 x\n`);
    const { code, stderr } = digest("--check", "bad");
    expect(code).toBe(2);
    expect(stderr).toMatch(/bad:2: expected sha256:HEX FILE, found "555b.*\nbad:3: .*\nbad:4: .*found "md5:12 x"/);
    writeFileSync(join(folder, "nothing"), "");
    expect(digest("--check", "nothing").stderr).toMatch(/expected a line for each file, found none/);
    expect(digest("--check", "absent").stderr).toMatch(/absent: no such file/);
    expect(digest("--check", "directory").stderr).toMatch(/found a directory/);
    expect(digest("--check", "list", "other").stderr).toMatch(/expected a line for other, found none/);
  });

  it("reads what it wrote, whatever the file is called", () => {
    const name = '"quoted"';
    writeFileSync(join(folder, name), "hello");
    digest(name, "-o", "quoted-list");
    expect(readFileSync(join(folder, "quoted-list"), "utf8")).toContain('\\"quoted\\"');
    expect(digest("--check", "quoted-list").code).toBe(0);
  });
});
