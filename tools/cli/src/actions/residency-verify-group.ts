import { type SealEnvelope, type VerificationKey, verifyGroupSeals } from "@vrx/vram-residency/verify";
import { formatFieldIssues, isDigest, readSealEnvelope } from "@vrx/vram-residency/verify";
import type { ResidencyVerifyCall } from "../commands/residency-verify.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { readInput } from "../inputs/read-input.js";

const MAX_SEAL_BYTES = 2 ** 20;

/** Verifies the seals of a tensor-parallel model by their tags, and that they are all of it. */
export async function verifyGroupFiles(
  { options, output }: ResidencyVerifyCall,
  files: readonly string[],
  keys: readonly VerificationKey[],
): Promise<ExitCode> {
  const group_digest = options["group-digest"]?.toLowerCase();
  if (group_digest !== undefined && !isDigest(group_digest))
    throw new CliError("bad_arguments", "--group-digest: expected 64 hexadecimal digits");
  const secrets = new Map(keys.flatMap((key) => (key.algorithm === "hmac-sha256" ? [[key.key_id, key.key]] : [])));
  if (secrets.size === 0)
    throw new CliError("bad_arguments", "--group takes --worker-token-file: seals are of its key");
  const envelopes: SealEnvelope[] = [];
  for (const file of files) envelopes.push(await sealOf(file));
  const statement = group_digest === undefined ? null : { group_digest };
  const verdict = verifyGroupSeals(envelopes, statement, (key_id) => secrets.get(key_id) ?? null);
  if (options.json) output.printJson(verdict);
  if (verdict.status === "failed") {
    if (!options.json) for (const { problem, message } of verdict.problems) output.error(`${problem}: ${message}`);
    return exitCodes.disagreement;
  }
  if (!options.json) {
    const { total_shards, model_ref, gpu_uuids } = verdict;
    output.print(`verified: ${total_shards} of ${total_shards} members, group digest ${verdict.group_digest}`);
    output.note(`model ${model_ref === null ? "without a name" : quoteName(model_ref)}, on ${gpu_uuids.join(", ")}`);
    if (statement === null) output.note("nobody said which group it must be: --group-digest does");
    output.note("the seals hold; that the bytes are still there, each worker says: vrx residency verify, attest");
  }
  return exitCodes.ok;
}

/** The seal in a file: an envelope, or the reply of a sidecar that holds one. */
async function sealOf(file: string): Promise<SealEnvelope> {
  const read = await readInput(file, MAX_SEAL_BYTES);
  if (read.status === "failed") throw new CliError("bad_input", `${file}: ${read.reason}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(read.bytes).toString("utf8"));
  } catch (error) {
    throw new CliError("bad_input", `${file}: it is not JSON`, { cause: error });
  }
  const inner = typeof value === "object" && value !== null && "envelope" in value ? value.envelope : value;
  const seal = readSealEnvelope(inner);
  if (seal.status === "invalid") throw new CliError("bad_input", `${file}: ${formatFieldIssues(seal.issues)}`);
  return seal.value;
}
