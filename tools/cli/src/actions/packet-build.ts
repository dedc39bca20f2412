import { buildPacketFromFolders } from "@vrx/ant-ratio/node";
import type { JsonValue } from "@vrx/objective-contract";
import type { PacketBuildCall } from "../commands/packet-build.js";
import { CliError } from "../frame/cli-error.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";

/** Builds one packet from two folders. */
export async function run({ options, output }: PacketBuildCall): Promise<ExitCode> {
  const { probe, assoc } = options;
  if (probe === undefined || assoc === undefined) {
    throw new CliError("bad_arguments", "expected both --probe DIR and --assoc DIR");
  }
  if (options["min-steps"] > options["max-steps"]) {
    throw new CliError(
      "bad_arguments",
      `--min-steps ${options["min-steps"]} is more than --max-steps ${options["max-steps"]}`,
    );
  }
  const token_budget = options["token-budget"];
  const built = await buildPacketFromFolders(probe, assoc, {
    budget:
      token_budget === 0 ? null : { token_budget, min_steps: options["min-steps"], max_steps: options["max-steps"] },
    capability_steps: options["capability-steps"],
    ant_tier: options["ant-tier"] ?? null,
  });
  if (built.status === "ok") {
    output.printJson(JSON.parse(JSON.stringify(built.packet)) as JsonValue);
    return exitCodes.ok;
  }
  for (const { message } of built.status === "refused" ? built.reasons : built.issues) output.problem(message);
  return exitCodes.wrongInput;
}
