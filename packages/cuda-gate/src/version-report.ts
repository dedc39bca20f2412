import { MAX_DEVICES } from "./device-spec.js";
import { type GateVerdict, verdictOf } from "./verdict.js";

/** The keys that every version report must have; their number is pinned by the seed contract (GATE-GPUTRAIN-006). */
export const REQUIRED_VERSION_JSON_KEYS = ["cuda_feature", "cuda_runtime_available", "visible_devices"] as const;

/** The CUDA block of a version report. */
export interface VersionJsonCudaFields {
  /** Whether GPU support is built in: for vrx, that the addon is built and its kernels are packaged. */
  readonly cuda_feature: boolean;
  /** Whether the driver was found at start-up and counted at least one device. */
  readonly cuda_runtime_available: boolean;
  /** `index:name` for each visible device. */
  readonly visible_devices: readonly string[];
}

/**
 * The schema gate of INV-GPUTRAIN-007: pass iff all required keys are there. Further keys, order and repetition do not
 * matter; case does.
 */
export function verdictFromVersionJsonKeys(presentKeys: Iterable<string>): GateVerdict {
  const present = new Set(presentKeys);
  return verdictOf(REQUIRED_VERSION_JSON_KEYS.every((key) => present.has(key)));
}

/**
 * The shape gate of INV-GPUTRAIN-007: at most 16 devices, and no claim of built-in CUDA where the runtime is absent.
 * Whether the two agree with each other and with what is wanted is for `diagnose` to say.
 */
export function verdictFromVersionJsonFields(fields: VersionJsonCudaFields): GateVerdict {
  const { cuda_feature, cuda_runtime_available, visible_devices } = fields;
  return verdictOf(visible_devices.length <= MAX_DEVICES && !(cuda_feature && !cuda_runtime_available));
}
