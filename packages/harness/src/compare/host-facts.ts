import type { EnvFacts, JsonObject } from "@vrx/objective-contract";

/** What has to be the same for two times to be comparable, and for a noise floor to hold. */
const SAME = ["host", "arch", "cpu_model", "cpu_count", "total_memory_bytes", "gpu_name", "total_vram_bytes"] as const;

/** What may be the very thing that is compared, and is worth telling. */
const WORTH_TELLING = [
  "os",
  "node_version",
  "python_version",
  "torch_version",
  "cuda_version",
  "driver_version",
] as const;

/** The facts of a host that a noise floor belongs to. */
export type HostFacts = Pick<EnvFacts, (typeof SAME)[number]>;

/** The facts of the host a run happened on. */
export function hostFacts(env: EnvFacts): HostFacts {
  const { host, arch, cpu_model, cpu_count, total_memory_bytes, gpu_name, total_vram_bytes } = env;
  return { host, arch, cpu_model, cpu_count, total_memory_bytes, gpu_name, total_vram_bytes };
}

/** Why times of two hosts cannot be compared; empty where they can. Without a name nobody knows whether it is one host. */
export function hostDifferences(a: HostFacts, b: HostFacts): readonly string[] {
  const unnamed = a.host === null || b.host === null ? ["host: its name is not known"] : [];
  return [
    ...unnamed,
    ...SAME.flatMap((key) => (a[key] === b[key] ? [] : [`${key}: ${String(a[key])} and ${String(b[key])}`])),
  ];
}

/** What else differs between two hosts or their software. */
export function otherDifferences(a: EnvFacts, b: EnvFacts): readonly string[] {
  return WORTH_TELLING.flatMap((key) => (a[key] === b[key] ? [] : [`${key}: ${String(a[key])} and ${String(b[key])}`]));
}

/** Reads the facts of a host; null where these are none. */
export function readHostFacts(json: JsonObject): HostFacts | null {
  const text = (key: keyof HostFacts): string | null | undefined => {
    const value = json[key];
    return value === null || typeof value === "string" ? value : undefined;
  };
  const number = (key: keyof HostFacts): number | null | undefined => {
    const value = json[key];
    return value === null || typeof value === "number" ? value : undefined;
  };
  const [host, cpu_model, gpu_name] = [text("host"), text("cpu_model"), text("gpu_name")];
  const [cpu_count, memory, vram] = [number("cpu_count"), number("total_memory_bytes"), number("total_vram_bytes")];
  const arch = text("arch");
  if (host === undefined || cpu_model === undefined || gpu_name === undefined || typeof arch !== "string") return null;
  if (cpu_count === undefined || memory === undefined || vram === undefined) return null;
  return { host, arch, cpu_model, cpu_count, total_memory_bytes: memory, gpu_name, total_vram_bytes: vram };
}
