// Compiles the fake CUDA driver into build/libvrx_fake_cuda.so with the system's C++ compiler. Without one it says what is
// missing then and succeeds, unless --required is given.
//
//   node fake-driver/build.mjs [--required] [--werror] [--prebuild] [--sanitize address,undefined] [--out FILE]
//
// --prebuild also copies the result to prebuilds/<platform>-<arch>/. CXX names the compiler (default: c++).
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
    out: { type: "string", default: join(root, "build/libvrx_fake_cuda.so") },
  },
});
const out = resolve(options.out);
const cxx = process.env.CXX ?? "c++";

const common = [
  "-std=c++17",
  options.sanitize ? "-O1" : "-O2",
  "-fPIC",
  "-fvisibility=hidden",
  "-Wall",
  "-Wextra",
  ...(options.werror ? ["-Werror"] : []),
  ...(options.sanitize ? [`-fsanitize=${options.sanitize}`, "-fno-sanitize-recover=all", "-g"] : []),
];
const linking = [
  "-shared",
  // What loads it may bring a C++ runtime of its own.
  ...(options.sanitize ? [`-fsanitize=${options.sanitize}`] : ["-static-libstdc++", "-static-libgcc", "-s"]),
  "-lpthread",
  "-ldl",
];

function run(args) {
  return new Promise((settle) => {
    const child = spawn(cxx, args, { cwd: sources });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("error", (error) => settle({ ok: false, output: error.message }));
    child.on("close", (code) => settle({ ok: code === 0, output }));
  });
}

async function compileAll(files, objects) {
  const queue = files.map((file) => ({ file, object: join(objects, `${file}.o`) }));
  const linkable = queue.map(({ object }) => object);
  const failures = [];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined && failures.length === 0; job = queue.shift()) {
      const result = await run([...common, "-c", job.file, "-o", job.object]);
      if (!result.ok) failures.push(`${job.file}\n${result.output}`);
      else if (result.output !== "") console.warn(result.output.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return { linkable, failures };
}

function prebuild() {
  const folder = join(root, `prebuilds/${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(out, join(folder, basename(out)));
}

async function build() {
  const stamp = `${out}.sha256`;
  const giveUp = (why, log = "") => {
    for (const file of [out, stamp]) rmSync(file, { force: true });
    console.warn(`native-cuda: the fake driver is not compiled: ${why}; what needs it is skipped or refused.`);
    if (log !== "") console.warn(log);
    process.exitCode = options.required ? 1 : 0;
  };
  if (process.platform !== "linux") return giveUp("it needs Linux");
  const version = spawnSync(cxx, ["--version"], { encoding: "utf8" });
  if (version.error || version.status !== 0) return giveUp(`there is no C++ compiler (${cxx} does not run)`);

  const files = readdirSync(sources).filter((file) => file.endsWith(".cc"));
  const headers = ["", "include/"].flatMap((folder) =>
    readdirSync(join(sources, folder))
      .filter((file) => file.endsWith(".h"))
      .map((file) => folder + file),
  );
  const hash = createHash("sha256").update(JSON.stringify([version.stdout, common, linking, process.arch]));
  for (const file of [...files, ...headers].sort()) hash.update(file).update(readFileSync(join(sources, file)));
  const digest = hash.digest("hex");
  if (existsSync(out) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) {
    if (options.prebuild) prebuild();
    console.log("native-cuda: the fake driver is up to date");
    return;
  }

  const objects = `${out}.${process.pid}.objects`;
  mkdirSync(objects, { recursive: true });
  try {
    const { linkable, failures } = await compileAll(files, objects);
    if (failures.length > 0) return giveUp(`${cxx} failed`, failures.join("\n"));
    const made = join(objects, basename(out));
    const link = await run([...common, "-o", made, ...linkable, ...linking]);
    if (!link.ok) return giveUp("it cannot be linked", link.output);
    renameSync(made, out);
    writeFileSync(stamp, digest);
    if (options.prebuild) prebuild();
    console.log(`native-cuda: compiled the fake driver with ${cxx}`);
  } finally {
    rmSync(objects, { recursive: true, force: true });
  }
}

await build();
