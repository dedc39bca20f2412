// Makes what runs from a folder of .cu sources: images for GPUs, which are committed, and images for the fake driver.
//
//   node tools/workspace/kernels/build.mjs FOLDER --device          needs nvcc: FOLDER/images/ and its manifest
//   node tools/workspace/kernels/build.mjs FOLDER --check           are the committed images those of the sources?
//   node tools/workspace/kernels/build.mjs FOLDER --host [--out F]  needs a C++ compiler; F is the package's build/kernels
//
// Every .cu is a module, and its images a folder of that name as loadKernels takes it: sm_90.cubin, compute_75.ptx,
// host-<platform>-<arch>.so. --check builds the images again where nvcc is, of the version that the manifest names, and
// compares every byte; elsewhere, and with --quick, it compares the sources' hashes with those that the images were made from. --host
// succeeds without a compiler, saying so, unless --required is given; --prebuild also copies to
// the package's prebuilds/<platform>-<arch>/kernels; --sanitize and --werror are the compiler's.
// CXX names the C++ compiler (default: c++), NVCC that of CUDA (default: nvcc).
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const workspace = fileURLToPath(new URL("../../../", import.meta.url));
const shim = join(workspace, "packages/native-cuda/fake-driver/include");

/** Real architectures get machine code; one virtual architecture is there for what comes after them. */
const targets = [
  ...["75", "80", "86", "89", "90", "100", "120"].map((sm) => ({
    name: `sm_${sm}.cubin`,
    flags: ["-cubin", `-arch=sm_${sm}`],
  })),
  { name: "compute_75.ptx", flags: ["-ptx", "-arch=compute_75"] },
];
const nvccFlags = ["-std=c++17", "-O3", "--extra-device-vectorization"];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "boolean", default: false },
    host: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    prebuild: { type: "boolean", default: false },
    required: { type: "boolean", default: false },
    werror: { type: "boolean", default: false },
    sanitize: { type: "string" },
    out: { type: "string" },
  },
});
if (positionals.length !== 1 || Number(options.device) + Number(options.host) + Number(options.check) !== 1) {
  console.error("kernels: expected FOLDER and one of --device, --host, --check");
  process.exit(2);
}
const folder = resolve(positionals[0]);
const label = relative(workspace, folder);
/** The package that the folder belongs to, or the folder itself. */
const home = (() => {
  for (let at = folder; at !== dirname(at); at = dirname(at)) if (existsSync(join(at, "package.json"))) return at;
  return folder;
})();
const modules = readdirSync(folder)
  .filter((file) => file.endsWith(".cu"))
  .map((file) => basename(file, ".cu"))
  .sort();
const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

function run(command, args) {
  return new Promise((settle) => {
    const child = spawn(command, args, { cwd: folder });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", (error) => settle({ ok: false, output: error.message }));
    child.on("close", (code) => settle({ ok: code === 0, output }));
  });
}

/** Runs all jobs, as many at a time as there are cores; the outputs of those that failed. */
async function runAll(jobs) {
  const queue = [...jobs];
  const failures = [];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined && failures.length === 0; job = queue.shift()) {
      const result = await run(job.command, job.args);
      if (!result.ok) failures.push(`${job.command} ${job.args.join(" ")}\n${result.output}`);
      else if (result.output.trim() !== "") console.warn(result.output.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failures;
}

function nvccVersion() {
  const { status, stdout } = spawnSync(process.env.NVCC ?? "nvcc", ["--version"], { encoding: "utf8" });
  return status === 0 ? (/release [\d.]+, V([\d.]+)/.exec(stdout)?.[1] ?? null) : null;
}

/** Files of this repository that a module is made of, relative to the folder. */
function sourcesOf(module) {
  const { status, stdout, stderr } = spawnSync(
    process.env.NVCC ?? "nvcc",
    ["-M", "-std=c++17", `-I${shim}`, "-arch=sm_90", `${module}.cu`],
    { cwd: folder, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout
    .replace(/^[^:]*:/, "")
    .split(/[\s\\]+/)
    .filter((file) => file !== "")
    .map((file) => resolve(folder, file))
    .filter((file) => file.startsWith(workspace))
    .map((file) => relative(folder, file));
}

/** Writes every image and the manifest into `to`. */
async function buildImages(to, version) {
  for (const module of modules) mkdirSync(join(to, module), { recursive: true });
  const images = modules.flatMap((module) =>
    targets.map(({ name, flags }) => ({ module, file: `${module}/${name}`, flags })),
  );
  const failures = await runAll(
    images.map(({ module, file, flags }) => ({
      command: process.env.NVCC ?? "nvcc",
      args: [...nvccFlags, ...flags, `-I${shim}`, `${module}.cu`, "-o", join(to, file)],
    })),
  );
  if (failures.length > 0) throw new Error(failures.join("\n"));
  // nvcc names a static function that it does not inline after the folder it compiles in; elsewhere the image would differ.
  const bound = images.filter(({ file }) => readFileSync(join(to, file)).includes("_INTERNAL_"));
  if (bound.length > 0)
    throw new Error(`the name of this folder is in ${bound[0].file}: static __noinline__ functions must not be static`);
  const sources = [...new Set(modules.flatMap(sourcesOf))].sort();
  const manifest = {
    nvcc: version,
    // Images of nvcc 13.0 need a driver of CUDA 13.0, which is release 580.
    minimum_driver_api: Number(version.split(".")[0]) * 1000,
    flags: nvccFlags,
    sources: Object.fromEntries(sources.map((file) => [file, sha256(join(folder, file))])),
    images: Object.fromEntries(images.map(({ file }) => [file, sha256(join(to, file))]).sort()),
  };
  writeFileSync(join(to, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function device() {
  const version = nvccVersion();
  if (version === null) throw new Error("nvcc is not here, and nothing else makes images for GPUs");
  const images = join(folder, "images");
  rmSync(images, { recursive: true, force: true });
  await buildImages(images, version);
  console.log(`kernels: ${label}: ${modules.length} modules for ${targets.length} targets with nvcc ${version}`);
}

async function check() {
  const images = join(folder, "images");
  if (!existsSync(join(images, "manifest.json"))) throw new Error(`${label} has no images: build them with --device`);
  const manifest = JSON.parse(readFileSync(join(images, "manifest.json"), "utf8"));
  const problems = [];
  for (const [kind, base, hashes] of [
    ["source", folder, manifest.sources],
    ["image", images, manifest.images],
  ]) {
    for (const [file, hash] of Object.entries(hashes)) {
      if (!existsSync(join(base, file))) problems.push(`${kind} ${file} is missing`);
      else if (sha256(join(base, file)) !== hash)
        problems.push(`${kind} ${file} has changed since the images were made`);
    }
  }
  for (const module of modules)
    if (manifest.sources[`${module}.cu`] === undefined) problems.push(`module ${module} has no image`);
  for (const module of readdirSync(images).filter((name) => name !== "manifest.json"))
    for (const file of readdirSync(join(images, module)))
      if (manifest.images[`${module}/${file}`] === undefined) problems.push(`${module}/${file} is in no manifest`);
  const version = options.quick ? null : nvccVersion();
  if (problems.length === 0 && version === manifest.nvcc) {
    const again = mkdtempSync(join(tmpdir(), "vrx-kernels-"));
    try {
      await buildImages(again, version);
      for (const file of [...Object.keys(manifest.images), "manifest.json"])
        if (!readFileSync(join(again, file)).equals(readFileSync(join(images, file))))
          problems.push(`${file} is not what nvcc makes of the sources`);
    } finally {
      rmSync(again, { recursive: true });
    }
  }
  if (problems.length > 0) throw new Error(`${problems.join("\n")}\nbuild them again with --device, where nvcc is`);
  const how =
    version === manifest.nvcc ? `built again with nvcc ${version}, byte for byte` : "by the hashes of the sources";
  console.log(`kernels: ${label}: the images are current (${how})`);
}

/** Copies the images for the fake driver to where a published package keeps them. */
function prebuild(from, name) {
  for (const module of modules) {
    const to = join(home, `prebuilds/${process.platform}-${process.arch}/kernels`, module);
    mkdirSync(to, { recursive: true });
    copyFileSync(join(from, module, name), join(to, name));
  }
}

async function host() {
  const name = `host-${process.platform}-${process.arch}.so`;
  const out = resolve(options.out ?? join(home, "build/kernels"));
  const cxx = process.env.CXX ?? "c++";
  const { status, stdout } = spawnSync(cxx, ["--version"], { encoding: "utf8" });
  if (status !== 0 || process.platform !== "linux") {
    rmSync(out, { recursive: true, force: true });
    const why = status !== 0 ? `there is no C++ compiler (${cxx} does not run)` : "the fake driver needs Linux";
    console.warn(`kernels: ${label}: no images for the fake driver: ${why}; what needs them is skipped or refused.`);
    process.exitCode = options.required ? 1 : 0;
    return;
  }
  const flags = [
    ...["-x", "c++", "-std=c++17", options.sanitize ? "-O1" : "-O2", "-fPIC", "-fvisibility=hidden"],
    // Every module has its own copy of an image, and shares nothing with another.
    ...["-fno-gnu-unique", "-fno-math-errno", "-ffp-contract=off", "-Wall", "-Wextra", "-Wno-unknown-pragmas"],
    ...(options.werror ? ["-Werror"] : []),
    ...(options.sanitize ? [`-fsanitize=${options.sanitize}`, "-fno-sanitize-recover=all", "-g"] : []),
    `-I${shim}`,
  ];
  const linking = ["-shared", ...(options.sanitize ? [] : ["-static-libstdc++", "-static-libgcc", "-s"])];
  const hash = createHash("sha256").update(JSON.stringify([stdout, flags, linking, modules]));
  const files = [folder, shim].flatMap((base) =>
    readdirSync(base)
      .filter((file) => /\.(cu|cuh|h)$/.test(file))
      .map((file) => join(base, file)),
  );
  // Headers that sources include from elsewhere in their package.
  const parent = dirname(folder);
  for (const file of readdirSync(parent)) if (file.endsWith(".h")) files.push(join(parent, file));
  for (const file of files.sort()) hash.update(file.slice(workspace.length)).update(readFileSync(file));
  const digest = hash.digest("hex");
  const stamp = join(out, "stamp.sha256");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    if (options.prebuild) prebuild(out, name);
    console.log(`kernels: ${label}: the images for the fake driver are up to date`);
    return;
  }
  const made = `${out}.${process.pid}`;
  mkdirSync(made, { recursive: true });
  try {
    const failures = await runAll(
      modules.map((module) => ({
        command: cxx,
        args: [...flags, ...linking, `${module}.cu`, "-o", join(made, module)],
      })),
    );
    if (failures.length > 0) throw new Error(failures.join("\n"));
    rmSync(stamp, { force: true });
    for (const module of modules) {
      mkdirSync(join(out, module), { recursive: true });
      // A file that is in use is replaced, not written over.
      copyFileSync(join(made, module), join(out, module, `.${name}`));
      renameSync(join(out, module, `.${name}`), join(out, module, name));
    }
    writeFileSync(stamp, digest);
    if (options.prebuild) prebuild(out, name);
    console.log(`kernels: ${label}: compiled ${modules.length} modules for the fake driver with ${cxx}`);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

try {
  await (options.device ? device : options.check ? check : host)();
} catch (error) {
  console.error(`kernels: ${error.message}`);
  process.exitCode = 1;
}
