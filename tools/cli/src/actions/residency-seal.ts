import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { isVramResidencyError, readModelSigning } from "@vrx/vram-residency";
import type { ResidencySealCall } from "../commands/residency-seal.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { readInput } from "../inputs/read-input.js";
import { askSidecar, refusalOf, requireReply } from "../inputs/sidecar.js";

const MAX_BUNDLE_BYTES = 64 * 2 ** 20;

/** Has a model sealed and prints its descriptor. */
export async function run({ operands: { file }, options, output, signal }: ResidencySealCall): Promise<ExitCode> {
  if (options.send && options["fs-verity"])
    throw new CliError("bad_arguments", "--fs-verity and --send: the kernel vouches for files that the sidecar opens");
  const facts = {
    ...(options["model-ref"] === undefined ? {} : { model_ref: options["model-ref"] }),
    ...(options["shard-id"] === undefined ? {} : { shard_id: options["shard-id"] }),
    ...placeOf(options.shard),
    ...(await expectedOf(file, options)),
    ...(options["tree-digest"] === undefined ? {} : { expected_tree_digest: options["tree-digest"].toLowerCase() }),
    ...(options["fs-verity"] ? { expected_fs_verity: true } : {}),
    ...(options.tensors ? { tensors: "safetensors" } : {}),
  };
  const seconds = options["timeout-s"];
  const ended = seconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  const reply = options.send
    ? await askSidecar(options, {
        method: "PUT",
        path: `/v1/commit?${queryText(facts)}`,
        file: { path: file, bytes: statSync(file).size },
        signal: ended,
      })
    : await askSidecar(options, {
        method: "POST",
        path: "/v1/commit",
        json: { path: resolve(file), ...facts },
        signal: ended,
      });
  if (reply.status === 409) {
    output.error(refusalOf(reply));
    return exitCodes.disagreement;
  }
  const body = requireReply(reply);
  if (options.json) output.printJson(body);
  else {
    const { shard_id, vram_bytes, digest } = body["shard"] as Record<string, unknown>;
    output.print(quoteName(String(shard_id)));
    output.note(`${String(vram_bytes)} bytes, sha256:${String(digest)}, tree ${String(body["tree_digest"])}`);
    if (body["existing"] === true) output.note("these bytes were sealed already: it is the same shard, held once more");
  }
  return exitCodes.ok;
}

function placeOf(shard: string | undefined): object {
  if (shard === undefined) return {};
  const [, index, total] = /^(\d{1,4})\/(\d{1,4})$/u.exec(shard) ?? [];
  if (index === undefined || total === undefined || Number(index) >= Number(total)) {
    throw new CliError("bad_arguments", `--shard: expected I/N with 0 <= I < N, found ${JSON.stringify(shard)}`);
  }
  return { shard_index: Number(index), total_shards: Number(total) };
}

async function expectedOf(file: string, options: ResidencySealCall["options"]): Promise<object> {
  const { digest, "model-signing": bundle, "signing-key": key } = options;
  if (digest !== undefined && bundle !== undefined)
    throw new CliError("bad_arguments", "--digest and --model-signing: give one of them");
  if (digest !== undefined) return { expected_digest: digest.toLowerCase() };
  if (bundle === undefined) return {};
  if (key === undefined)
    throw new CliError("bad_arguments", "--model-signing takes --signing-key, or nobody checks who signed");
  const text = async (name: string): Promise<string> => {
    const read = await readInput(name, MAX_BUNDLE_BYTES);
    if (read.status === "failed") throw new CliError("bad_input", `${name}: ${read.reason}`);
    return Buffer.from(read.bytes).toString("utf8");
  };
  try {
    const { files } = readModelSigning(await text(bundle), { publicKey: await text(key) });
    // A bundle names files by their path from the model's root; this file is the one whose path ends it.
    const path = resolve(file).replaceAll("\\", "/");
    const found = [...files]
      .filter(([name]) => path === name || path.endsWith(`/${name}`))
      .sort(([a], [b]) => b.length - a.length)[0];
    if (found === undefined) throw new CliError("bad_input", `${bundle}: it does not cover ${basename(file)}`);
    return { expected_digest: found[1] };
  } catch (error) {
    if (isVramResidencyError(error)) throw new CliError("bad_input", `${bundle}: ${error.message}`, { cause: error });
    throw error;
  }
}

function queryText(facts: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(facts)) query.set(key, String(value));
  return query.toString();
}
