import { createPublicKey } from "node:crypto";
import { type VerificationKey, verifyAttestation } from "@vrx/vram-residency/verify";
import type { ResidencyVerifyCall } from "../commands/residency-verify.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { readInput } from "../inputs/read-input.js";
import { askSidecar, refusalOf, requireReply, tokenOf } from "../inputs/sidecar.js";
import { verifyGroupFiles } from "./residency-verify-group.js";

/** Has shards verified, or verifies an attestation here. */
export async function run(call: ResidencyVerifyCall): Promise<ExitCode> {
  const { attestation, group } = call.options;
  if (attestation !== undefined && group !== undefined)
    throw new CliError("bad_arguments", "--attestation and --group: give one of them");
  if (group !== undefined) return await verifyGroupFiles(call, group.split(","), await keysOf(call.options));
  return attestation === undefined ? await verifyShards(call) : await verifyFile(call, attestation);
}

async function verifyShards({ operands, options, output }: ResidencyVerifyCall): Promise<ExitCode> {
  const { tier, leaves } = options;
  const shards = operands.shard === undefined ? await sealedShards(options) : [operands.shard];
  if (shards.length === 0) {
    output.error("nothing is sealed");
    return exitCodes.noEvidence;
  }
  const verdicts: object[] = [];
  let broken = false;
  for (const shard_id of shards) {
    const reply = await askSidecar(options, { method: "POST", path: "/v1/verify", json: { shard_id, tier, leaves } });
    // A seal that does not hold is an answer; anything else that is refused is not.
    if (reply.status === 409 && reply.body["reason"] !== "unknown_allocation") {
      broken = true;
      verdicts.push({ status: "failed", shard_id, tier, reason: reply.body["reason"] });
      output.problem(`${shard_id}: ${refusalOf(reply)}`);
      continue;
    }
    const body = requireReply(reply);
    verdicts.push(body);
    if (options.json) continue;
    const { leaves_checked, leaves_total, miss_probability_one_leaf: missed } = body as Record<string, number>;
    output.print(
      `${quoteName(shard_id)} verified: ${leaves_checked ?? 0} of ${leaves_total ?? 0} leaves; one changed leaf is missed with probability ${missed ?? 1}`,
    );
  }
  if (options.json) output.printJson({ shards: verdicts });
  return broken ? exitCodes.disagreement : exitCodes.ok;
}

async function sealedShards(options: ResidencyVerifyCall["options"]): Promise<readonly string[]> {
  const { body, status } = await askSidecar(options, { method: "GET", path: "/v1/ready?tier=signature" });
  if (status !== 200 && status !== 503) requireReply({ body, status });
  const { shards } = body;
  return Array.isArray(shards) ? (shards as { shard_id: string }[]).map(({ shard_id }) => shard_id) : [];
}

const MAX_ATTESTATION_BYTES = 16 * 2 ** 20;

async function verifyFile({ operands, options, output }: ResidencyVerifyCall, file: string): Promise<ExitCode> {
  if (options.nonce === undefined)
    throw new CliError("bad_arguments", "--attestation takes --nonce: the one that it was asked with");
  const keys = await keysOf(options);
  if (keys.length === 0)
    throw new CliError(
      "bad_arguments",
      "--attestation takes a key: --public-key, --external-key or --worker-token-file",
    );
  const text = await textOf(file, MAX_ATTESTATION_BYTES);
  let attestation: unknown;
  try {
    attestation = JSON.parse(text);
  } catch (error) {
    throw new CliError("bad_input", `${file}: ${error instanceof Error ? error.message : "it is not JSON"}`, {
      cause: error,
    });
  }
  const maxAge_s = options["max-age-s"];
  const verdict = await verifyAttestation(attestation, {
    nonce: options.nonce,
    keys,
    minLevel: options["min-level"],
    minTier: options.tier,
    allowSimulated: options["allow-simulated"],
    ...(operands.shard === undefined ? {} : { expected: { shard_id: operands.shard } }),
    ...(maxAge_s === undefined ? {} : { maxAge_s }),
  });
  if (options.json) output.printJson(verdict);
  if (verdict.status === "refused") {
    if (!options.json) output.error(`${file}: refused (${verdict.reason}): ${verdict.message}`);
    return exitCodes.disagreement;
  }
  const { level, statement, notes } = verdict;
  if (!options.json) {
    const { shard, verification, device } = statement;
    output.print(
      `verified at ${level}: ${quoteName(shard.shard_id)}, ${shard.vram_bytes} bytes, sha256:${shard.digest}`,
    );
    output.print(
      `on ${quoteName(device.name)} (${quoteName(device.uuid)}), tier ${verification.tier}, ${statement.issued_at ?? "at a time that is not told"}`,
    );
    for (const { check, why } of statement.policy.not_provable) output.note(`not shown: ${check}: ${why}`);
    for (const note of notes) output.note(note);
    if (statement.simulated) output.warn("it was made on the fake driver and proves nothing");
  }
  return exitCodes.ok;
}

async function keysOf(options: ResidencyVerifyCall["options"]): Promise<readonly VerificationKey[]> {
  const keys: VerificationKey[] = [];
  for (const [option, held] of [
    ["public-key", "worker"],
    ["external-key", "external"],
  ] as const) {
    const file = options[option];
    if (file !== undefined) keys.push(await publicKeyOf(file, held));
  }
  const tokenFiles = options["worker-token-file"]?.split(",") ?? [];
  for (const file of tokenFiles) {
    const { workerTokenVerificationKey } = await import("@vrx/vram-residency");
    keys.push(workerTokenVerificationKey(await tokenOf(file)));
  }
  return keys;
}

async function publicKeyOf(file: string, held: "worker" | "external"): Promise<VerificationKey> {
  const { ed25519VerificationKey } = await import("@vrx/vram-residency");
  try {
    return ed25519VerificationKey(createPublicKey(await textOf(file, 65_536)), held);
  } catch (error) {
    throw new CliError("bad_input", `${file}: expected an Ed25519 public key in PEM`, { cause: error });
  }
}

async function textOf(file: string, limit: number): Promise<string> {
  const read = await readInput(file, limit);
  if (read.status === "failed") throw new CliError("bad_input", `${file}: ${read.reason}`);
  return Buffer.from(read.bytes).toString("utf8");
}
