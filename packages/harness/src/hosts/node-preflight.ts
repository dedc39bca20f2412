import type { JsonObject } from "@vrx/objective-contract";

/** Whether the GPUs of a host are worth starting on, in words: ECC errors, remapped rows, clocks held down, PCIe lanes. */
export interface NodePreflight {
  /** `unfit`: figures from it are worth nothing, and no trial is run there. Anything else is recorded and no obstacle. */
  readonly status: "fit" | "unknown" | "degraded" | "unfit" | "no_gpu";
  readonly problems: readonly string[];
}

/** Looks at the GPUs of this host by `preflight` of @vrx/cuda-gate, which asks the driver in a process of its own. */
export async function preflightNode(signal?: AbortSignal): Promise<NodePreflight> {
  // Loaded where it is wanted only: most trials run without it.
  const [{ preflight }, { collectReport }] = await Promise.all([
    import("@vrx/cuda-gate"),
    import("@vrx/cuda-gate/node"),
  ]);
  const { status, problems } = preflight(await collectReport(signal === undefined ? {} : { signal }));
  return {
    status,
    problems: problems.map(({ ordinal, uuid, why, fix }) => `GPU ${uuid ?? ordinal}: ${why}; ${fix}`),
  };
}

/** What is recorded of it with the result of a trial. */
export function preflightFigures({ status, problems }: NodePreflight): JsonObject {
  return { preflight: status, ...(problems.length === 0 ? {} : { preflight_problems: [...problems] }) };
}

/** Why no trial is run on a host; null where nothing is in the way. */
export function whyUnfit({ status, problems }: NodePreflight, host: string): string | null {
  return status === "unfit" ? `${host} is unfit: ${problems.join("; ")}` : null;
}
