import { HarnessError } from "../../errors.js";
import { slurmCommand } from "./slurm-commands.js";
import type { SlurmSurroundings } from "./slurm-executor.js";
import type { SlurmOptions } from "./slurm-options.js";

/** A node and what Slurm says of it: `idle`, `mixed`, `drained`. */
export interface SlurmNode {
  readonly name: string;
  readonly state: string;
  /** Whether trials can run there at present or later: not down, drained or failing. */
  readonly usable: boolean;
}

/** States of a node on which nothing new is started (sinfo(1), NODE STATE CODES). */
const OUT = /down|drain|fail|unknown|error|future|power(ed|ing)_down|reboot|maint|inval/i;

/**
 * The nodes of the partition of these options, or of the cluster's default one. Throws `executor_unavailable` where
 * Slurm does not answer or refuses.
 */
export async function slurmNodes(
  { partition }: Pick<SlurmOptions, "partition">,
  { commands }: SlurmSurroundings = {},
): Promise<readonly SlurmNode[]> {
  const command = slurmCommand(commands);
  const where = partition === undefined ? [] : [`--partition=${partition}`];
  const answer = await command("sinfo", ["--noheader", "--Node", "--format=%N|%T|%P", ...where]).catch(
    (error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new HarnessError("executor_unavailable", `expected sinfo of Slurm on PATH: ${why}`, { cause: error });
    },
  );
  if (answer.status !== "ok") throw new HarnessError("executor_unavailable", `sinfo: ${answer.why}`);
  return parseNodes(answer.stdout, partition === undefined);
}

/** Reads `sinfo --Node --format=%N|%T|%P`; the default partition is the one with a star. */
export function parseNodes(text: string, of_default: boolean): readonly SlurmNode[] {
  const nodes = new Map<string, SlurmNode>();
  for (const line of text.split("\n")) {
    const [name = "", state = "", partition = ""] = line.split("|");
    if (name === "" || (of_default && !partition.endsWith("*"))) continue;
    // A star after the state: the node does not respond.
    nodes.set(name, { name, state, usable: !OUT.test(state) && !state.endsWith("*") });
  }
  return [...nodes.values()];
}
