import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CliError } from "../frame/cli-error.js";
import { foreignLibraries } from "./foreign-libraries.js";
import { launcher } from "./launcher.js";
import { type BundledPackage, packageClosure, packageFiles } from "./package-closure.js";

export interface BundleOptions {
  readonly out: string;
  /** The folder of the package `@vrx/cli`. */
  readonly cli: string;
  /** Optional peers that go with it. */
  readonly extra: readonly string[];
  readonly signal: AbortSignal;
}

export interface Bundle {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly node: string;
  readonly platform: string;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  /** Shared libraries that the bundled Node wants beside those of every Linux; empty for Node's official builds. */
  readonly needs_libraries: readonly string[];
}

/** The one folder in the archive. */
const folder_name = "vrx";

/**
 * Packs this vrx with the Node that runs it into one archive that works from any folder of a host without Node. The
 * same versions give the same bytes. Throws a {@link CliError} where something is not built or not installed, or where
 * the tar of this host is not GNU's.
 */
export async function makeBundle({ out, cli, extra, signal }: BundleOptions): Promise<Bundle> {
  const packages = packageClosure(cli, extra);
  const unbuilt = packages.filter(({ name, folder }) => name.startsWith("@vrx/") && !isBuilt(folder));
  if (unbuilt.length > 0) {
    const names = unbuilt.map(({ name }) => name).join(", ");
    throw new CliError(
      "bad_environment",
      `expected built packages, found none of ${names}: run \`npm run build\` first`,
    );
  }
  const file = resolve(out);
  await mkdir(dirname(file), { recursive: true });
  const staging = await mkdtemp(join(tmpdir(), "vrx-bundle-"));
  // In the folder of the result, so that it appears there whole or not at all.
  const beside = `${file}.${process.pid}.tmp`;
  try {
    await fill(join(staging, folder_name), packages);
    await pack(staging, beside, signal);
    const sha256 = await digestOf(beside);
    const { size } = await stat(beside);
    await rename(beside, file);
    return {
      file,
      bytes: size,
      sha256,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      packages: packages.map(({ name, version }) => ({ name, version })),
      needs_libraries: await foreignLibraries(process.execPath),
    };
  } finally {
    await rm(staging, { recursive: true, force: true });
    await rm(beside, { force: true });
  }
}

function isBuilt(folder: string): boolean {
  return packageFiles(folder).some((file) => file.startsWith("dist/"));
}

async function fill(folder: string, packages: readonly BundledPackage[]): Promise<void> {
  await mkdir(join(folder, "bin"), { recursive: true });
  await copyFile(process.execPath, join(folder, "bin/node"));
  await chmod(join(folder, "bin/node"), 0o755);
  await writeFile(join(folder, "bin/vrx"), launcher, { mode: 0o755 });
  for (const { folder: from, target } of packages) {
    for (const file of packageFiles(from)) {
      const to = join(folder, target, file);
      await mkdir(dirname(to), { recursive: true });
      await copyFile(join(from, file), to);
    }
  }
}

/** Sorted names, no times, no owners, and modes that do not depend on a umask. */
const tar_options = [
  "--create",
  "--format=gnu",
  "--sort=name",
  "--mtime=@0",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  "--mode=u=rwX,go=rX",
];

async function pack(staging: string, file: string, signal: AbortSignal): Promise<void> {
  const tar = spawn("tar", [...tar_options, "-C", staging, folder_name], { stdio: ["ignore", "pipe", "pipe"], signal });
  let said = "";
  tar.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  const ended = new Promise<number | null>((done, fail) => {
    tar.once("error", fail);
    tar.once("close", done);
  });
  ended.catch(() => undefined);
  try {
    await pipeline(tar.stdout, createGzip({ level: 6 }), createWriteStream(file), { signal });
    const code = await ended;
    if (code === 0) return;
  } catch (error) {
    if (signal.aborted) throw error;
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!missing) throw error;
    said = "there is no tar on PATH";
  }
  throw new CliError("bad_environment", `expected GNU tar (1.28 or newer) on PATH: ${said.trim()}`);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
