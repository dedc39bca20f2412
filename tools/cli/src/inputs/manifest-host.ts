import { existsSync } from "node:fs";
import { totalmem } from "node:os";
import { embeddedCapabilities, tokenizerPaths } from "@vrx/experiment/capabilities";
import type { HostFacts } from "@vrx/manifest";

/** What this host has for experiments; nothing is started or loaded to find out. */
export function manifestHost({ generateData }: { readonly generateData: boolean }): HostFacts {
  return {
    backends: {
      jax: { status: "available", devices: ["cpu"], capabilities: embeddedCapabilities },
      torch: {
        status: "unavailable",
        reason: "there is no PyTorch worker in this version",
        fix: "",
      },
    },
    memory_bytes: totalmem(),
    network: false,
    generate_data: generateData,
    exists: existsSync,
    hasTokenizer: (name) => name === "byte" || tokenizerPaths(name, ".").some(existsSync),
    processes: ["paper_write"],
  };
}
