import type { ResidencyReleaseCall } from "../commands/residency-release.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { quoteName } from "../frame/printable.js";
import { askSidecar, refusalOf } from "../inputs/sidecar.js";

/** Lets go of shards, as many as can be. */
export async function run({ operands: { shards }, options, output }: ResidencyReleaseCall): Promise<ExitCode> {
  const replies: object[] = [];
  let refused = false;
  for (const shard_id of shards) {
    const reply = await askSidecar(options, { method: "DELETE", path: `/v1/shards/${encodeURIComponent(shard_id)}` });
    if (reply.status >= 400) {
      refused = true;
      output.problem(`${shard_id}: ${refusalOf(reply)}`);
      continue;
    }
    replies.push(reply.body);
    if (options.json) continue;
    output.print(
      `${quoteName(shard_id)} ${reply.body["released"] === true ? "wiped and freed" : "let go of; others hold it"}`,
    );
  }
  if (options.json) output.printJson({ shards: replies });
  return refused ? exitCodes.wrongInput : exitCodes.ok;
}
