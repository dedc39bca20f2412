import type { FastifyInstance } from "fastify";
import { VramResidencyError } from "../errors.js";
import type { VramManager } from "../vram-manager.js";
import type { HeldShards } from "./held-shards.js";

/** What the routes of a sidecar share. */
export interface Sidecar {
  readonly app: FastifyInstance;
  readonly manager: VramManager;
  readonly held: HeldShards;
  readonly modelRoots: readonly string[];
}

/** Throws `worker_stopped` for a worker that does not serve any more. */
export function requireServing(manager: VramManager): void {
  if (manager.state === "stopped" || manager.state === "draining") {
    throw new VramResidencyError("worker_stopped", `the worker is ${manager.state}: start another one`);
  }
}
