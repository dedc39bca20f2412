// Compiles the addon into build/vrx_cuda.node with the system's C compiler. It needs neither CUDA nor a GPU: the driver is
// loaded at run time. Without a compiler it says what happens instead and succeeds, unless --required is given.
//
//   node native/build.mjs [--required] [--werror] [--prebuild] [--sanitize address,undefined] [--out FILE]
//
// --prebuild also copies the result to prebuilds/<platform>-<arch>/, from where the published package is loaded.
// CC names the compiler (default: cc).
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const sources = dirname(fileURLToPath(import.meta.url));
const root = dirname(sources);

const { values: options } = parseArgs({
  options: {
    required: { type: "boolean", default: false },
    werror: { type: "boolean", default: false },
    prebuild: { type: "boolean", default: false },
    sanitize: { type: "string" },
    out: { type: "string", default: join(root, "build/vrx_cuda.node") },
  },
});
const out = resolve(options.out);
const cc = process.env.CC ?? "cc";

const flags = [
  "-std=gnu11",
  options.sanitize ? "-O1" : "-O2",
  "-fPIC",
  "-fvisibility=hidden",
  "-Wall",
  "-Wextra",
  // dladdr, struct ucred
  "-D_GNU_SOURCE",
  "-DNAPI_VERSION=8",
  ...(options.werror ? ["-Werror"] : []),
  ...(options.sanitize ? [`-fsanitize=${options.sanitize}`, "-fno-sanitize-recover=all", "-g"] : []),
];

function nodeApiHeaders() {
  const candidates = [() => dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json"))];
  for (const candidate of candidates) {
    try {
      const folder = join(candidate(), "include");
      if (existsSync(join(folder, "node_api.h"))) return folder;
    } catch {
      // Installed packages do not bring the headers: those of Node itself will do.
    }
  }
  const own = resolve(dirname(process.execPath), "../include/node");
  return existsSync(join(own, "node_api.h")) ? own : undefined;
}

function run(command, args) {
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: sources });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", (error) => settle({ ok: false, output: error.message }));
    child.on("close", (code) => settle({ ok: code === 0, output }));
  });
}

async function compileAll(files, headers, objects) {
  const queue = files.map((file) => ({ file, object: join(objects, `${basename(file, ".c")}.o`) }));
  const linkable = queue.map(({ object }) => object);
  const failures = [];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined && failures.length === 0; job = queue.shift()) {
      const result = await run(cc, [...flags, `-I${headers}`, "-c", job.file, "-o", job.object]);
      if (!result.ok) failures.push(`${job.file}\n${result.output}`);
      else if (result.output !== "") console.warn(result.output.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return { linkable, failures };
}

function fallBack(why, log = "") {
  console.warn(`native-cuda: the addon is not compiled: ${why}.`);
  if (log !== "") console.warn(log);
  console.warn("native-cuda: vrx works without it, and says of every GPU that the addon is not built.");
  console.warn(
    `native-cuda: to get the addon, install gcc or clang and run: vrx native build, or node ${fileURLToPath(import.meta.url)}`,
  );
  process.exitCode = options.required ? 1 : 0;
}

function prebuild() {
  const folder = join(root, `prebuilds/${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(out, join(folder, basename(out)));
}

async function build() {
  const stamp = `${out}.sha256`;
  const giveUp = (why, log) => {
    // What was compiled from other sources, or nobody knows which, is no substitute.
    for (const file of [out, stamp]) rmSync(file, { force: true });
    fallBack(why, log);
  };
  if (process.platform === "win32") return giveUp("it needs a POSIX system");
  const version = spawnSync(cc, ["--version"], { encoding: "utf8" });
  if (version.error || version.status !== 0) return giveUp(`there is no C compiler (${cc} does not run)`);
  const headers = nodeApiHeaders();
  if (headers === undefined) return giveUp("Node's headers (node_api.h) are not installed");

  const files = readdirSync(sources)
    .filter((file) => file.endsWith(".c") && !file.startsWith("test_"))
    .sort();
  const hash = createHash("sha256").update(JSON.stringify([version.stdout, flags, files, process.platform]));
  for (const file of readdirSync(sources).sort()) {
    if (file.endsWith(".h") || files.includes(file)) hash.update(file).update(readFileSync(join(sources, file)));
  }
  const digest = hash.digest("hex");
  if (existsSync(out) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    if (options.prebuild) prebuild();
    console.log("native-cuda: the addon is up to date");
    return;
  }

  const objects = `${out}.${process.pid}.objects`;
  mkdirSync(objects, { recursive: true });
  try {
    const { linkable, failures } = await compileAll(files, headers, objects);
    if (failures.length > 0) return giveUp(`${cc} failed`, failures.join("\n"));
    const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
    const sanitizer = options.sanitize ? [`-fsanitize=${options.sanitize}`] : [];
    const made = join(objects, basename(out));
    const libraries = process.platform === "darwin" ? [] : ["-ldl"];
    const link = await run(cc, [...shared, ...sanitizer, "-o", made, ...linkable, "-lpthread", "-lm", ...libraries]);
    if (!link.ok) return giveUp("it cannot be linked", link.output);
    renameSync(made, out);
    writeFileSync(stamp, digest);
    if (options.prebuild) prebuild();
    console.log(`native-cuda: compiled the addon with ${cc}`);
  } finally {
    rmSync(objects, { recursive: true, force: true });
  }
}

await build();
