import { randomBytes } from "node:crypto";
import type { ResidencyAttestCall } from "../commands/residency-attest.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { askSidecar, refusalOf, requireReply } from "../inputs/sidecar.js";

/** Prints an attestation as one JSON document. */
export async function run({ operands: { shard }, options, output }: ResidencyAttestCall): Promise<ExitCode> {
  const nonce = (options.nonce ?? randomBytes(32).toString("hex")).toLowerCase();
  if (!/^[0-9a-f]{64}$/u.test(nonce)) throw new CliError("bad_arguments", "--nonce: expected 64 hexadecimal digits");
  const reply = await askSidecar(options, {
    method: "POST",
    path: "/v1/attest",
    json: { shard_id: shard, nonce, tier: options.tier },
  });
  if (reply.status === 409 && reply.body["reason"] !== "unknown_allocation") {
    output.error(refusalOf(reply));
    return exitCodes.disagreement;
  }
  output.printJson(requireReply(reply));
  if (options.nonce === undefined) output.note(`nonce ${nonce}`);
  return exitCodes.ok;
}
