// Compiles the CPU engine into build/vrx_ring.node with the system's C compiler, once per instruction set and
// precision. Without a compiler it says what happens instead and succeeds, unless --required is given.
//
//   node native/build.mjs [--required] [--werror] [--prebuild] [--driver] [--sanitize address,undefined] [--out FILE]
//
// --driver makes the engine's test program instead of the addon. --prebuild also copies the result to prebuilds/<platform>-<arch>/, from where the published package is loaded.
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
    driver: { type: "boolean", default: false },
    sanitize: { type: "string" },
    out: { type: "string", default: join(root, "build/vrx_ring.node") },
  },
});
const out = resolve(options.out);
const cc = process.env.CC ?? "cc";

const common = [
  "-std=gnu11",
  options.sanitize ? "-O1" : "-O3",
  "-fPIC",
  "-fvisibility=hidden",
  // Loops may be vectorised as if nobody looked at errno or floating-point flags; NaN and infinity keep their meaning.
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=fast",
  "-Wall",
  "-Wextra",
  // Vectors are passed to no function of another object file.
  "-Wno-psabi",
  ...(options.werror ? ["-Werror"] : []),
  ...(options.sanitize ? [`-fsanitize=${options.sanitize}`, "-fno-sanitize-recover=all", "-g"] : []),
];

/** Compiler flags of each level that the sources know; see native/ring_variants.c. */
const levels =
  process.arch === "x64"
    ? [
        [],
        ["-mavx2", "-mfma"],
        ["-mavx2", "-mfma", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"],
      ]
    : [[]];

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

function compilations(headers) {
  const plain = ["ring_engine.c", "ring_variants.c", "thread_team.c"].map((file) => ({ file, flags: [] }));
  const main = options.driver
    ? { file: "test_driver.c", flags: [] }
    : { file: "addon.c", flags: ["-DNAPI_VERSION=8", `-I${headers}`] };
  const variants = levels.flatMap((flags, level) =>
    [0, 1].flatMap((f64) => {
      const defines = [...flags, `-DVRX_LEVEL=${level}`, `-DVRX_F64=${f64}`];
      return [
        { file: "ring_kernels.c", flags: [...defines, "-DVRX_PTR_F64=1"] },
        ...[0, 1].map((ptr) => ({ file: "ring_model.c", flags: [...defines, `-DVRX_PTR_F64=${ptr}`] })),
      ];
    }),
  );
  // The longest first, so that all cores stay busy to the end.
  return [...variants, main, ...plain];
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

async function compileAll(jobs, objects) {
  const queue = jobs.map((job, i) => ({ ...job, object: join(objects, `${i}_${basename(job.file, ".c")}.o`) }));
  const linkable = queue.map(({ object }) => object);
  const failures = [];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined && failures.length === 0; job = queue.shift()) {
      const result = await run(cc, [...common, ...job.flags, "-c", job.file, "-o", job.object]);
      if (!result.ok) failures.push(`${job.file} ${job.flags.join(" ")}\n${result.output}`);
      else if (result.output !== "") console.warn(result.output.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return { linkable, failures };
}

function fallBack(why, log = "") {
  console.warn(`ring-engine: the CPU engine is not compiled: ${why}.`);
  if (log !== "") console.warn(log);
  console.warn("ring-engine: vrx falls back to the reference engine (float64 TypeScript, slow).");
  console.warn(
    `ring-engine: to get the CPU engine, install gcc or clang and run: node ${fileURLToPath(import.meta.url)}`,
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
  if (process.platform === "win32") return giveUp("its threads and build need a POSIX system");
  const version = spawnSync(cc, ["--version"], { encoding: "utf8" });
  if (version.error || version.status !== 0) return giveUp(`there is no C compiler (${cc} does not run)`);
  const headers = nodeApiHeaders();
  if (headers === undefined) return giveUp("Node's headers (node_api.h) are not installed");

  const jobs = compilations(headers);
  const compiled = new Set(jobs.map(({ file }) => file));
  const files = readdirSync(sources).filter((file) => file.endsWith(".h") || compiled.has(file));
  const hash = createHash("sha256").update(JSON.stringify([version.stdout, common, jobs, process.platform]));
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(sources, file)));
  const digest = hash.digest("hex");
  if (existsSync(out) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    if (options.prebuild) prebuild();
    console.log("ring-engine: the CPU engine is up to date");
    return;
  }

  const objects = `${out}.${process.pid}.objects`;
  mkdirSync(objects, { recursive: true });
  try {
    const { linkable, failures } = await compileAll(jobs, objects);
    if (failures.length > 0) return giveUp(`${cc} failed`, failures.join("\n"));
    const addon = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];
    const shared = options.driver ? [] : addon;
    const sanitizer = options.sanitize ? [`-fsanitize=${options.sanitize}`] : [];
    const made = join(objects, "vrx_ring.node");
    const link = await run(cc, [...shared, ...sanitizer, "-o", made, ...linkable, "-lpthread", "-lm"]);
    if (!link.ok) return giveUp("it cannot be linked", link.output);
    renameSync(made, out);
    writeFileSync(stamp, digest);
    if (options.prebuild) prebuild();
    console.log(`ring-engine: compiled the CPU engine (${levels.length} instruction-set levels) with ${cc}`);
  } finally {
    rmSync(objects, { recursive: true, force: true });
  }
}

await build();
