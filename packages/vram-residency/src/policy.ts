/** What the driver says of one allocation; null where it does not say. No address is among it. */
export interface AllocationFacts {
  readonly memory_type: "device" | "host" | "array" | "unified" | null;
  readonly is_managed: boolean | null;
  readonly has_host_pointer: boolean | null;
  readonly device_ordinal: number | null;
  /** Length of the allocation that holds the bytes. */
  readonly range_bytes: number | null;
}

/** What the driver says of the device and of how the platform pages its memory; null where it does not say. */
export interface PolicyDeviceFacts {
  readonly ordinal: number;
  readonly uuid: string;
  readonly integrated: boolean | null;
  /** Whether the GPU is divided into MIG slices. */
  readonly mig_enabled: boolean | null;
  /** `wddm` and `mcdm` let allocations overflow into host memory; `tcc` and `none` (Linux) do not. */
  readonly driver_model: "wddm" | "mcdm" | "tcc" | "none" | null;
  readonly pageable_memory_access: boolean | null;
  readonly pageable_memory_access_uses_host_page_tables: boolean | null;
}

/** What an allocation must be. */
export interface AllocationExpectation {
  readonly device_ordinal: number;
  readonly uuid: string;
  readonly bytes: number;
}

/** The checks of the VRAM-only policy; the list is closed. */
export const POLICY_CHECKS = [
  "memory_type_device",
  "not_managed",
  "no_host_pointer",
  "device_ordinal",
  "range",
  "gpu_uuid",
  "discrete_gpu",
  "mig_identity",
  "no_sysmem_fallback",
  "no_host_page_tables",
] as const;

export type PolicyCheckName = (typeof POLICY_CHECKS)[number];

/** How one check came out. What the platform cannot show is neither a pass nor a failure. */
export interface PolicyCheck {
  readonly check: PolicyCheckName;
  readonly outcome: "proven" | "violated" | "not_provable";
  readonly why: string;
}

type Outcome = Pick<PolicyCheck, "outcome" | "why">;

const proven = (why: string): Outcome => ({ outcome: "proven", why });
const violated = (why: string): Outcome => ({ outcome: "violated", why });
const unknown = (why: string): Outcome => ({ outcome: "not_provable", why });

/**
 * Checks a device against the VRAM-only policy: that it has memory of its own, that it is the one that was pinned, and
 * that neither its driver nor its host can serve device allocations from host memory.
 */
export function checkDevicePolicy(device: PolicyDeviceFacts, pinned_uuid: string): readonly PolicyCheck[] {
  const checks: Readonly<Partial<Record<PolicyCheckName, Outcome>>> = {
    gpu_uuid:
      device.uuid === pinned_uuid
        ? proven(`the device is ${pinned_uuid}`)
        : violated(`expected the device ${pinned_uuid}, found ${device.uuid}`),
    discrete_gpu: yesNo(device.integrated, {
      yes: violated("an integrated GPU has no memory of its own"),
      no: proven("the GPU has memory of its own"),
      unknown: "the driver does not say whether the GPU is integrated",
    }),
    mig_identity: yesNo(device.mig_enabled, {
      yes: device.uuid.startsWith("MIG-")
        ? proven("the slice is named by its own UUID")
        : violated("the GPU is divided into slices and its UUID does not say which one this is"),
      no: proven("the GPU is not divided"),
      unknown: "the driver does not say whether the GPU is divided into slices",
    }),
    no_sysmem_fallback: fallback(device.driver_model),
    no_host_page_tables: paging(device),
  };
  return named(checks);
}

/** Checks one allocation: real device memory, on the expected device, as long as what it is to hold. */
export function checkAllocationPolicy(facts: AllocationFacts, expected: AllocationExpectation): readonly PolicyCheck[] {
  const { memory_type, device_ordinal, range_bytes } = facts;
  const silent = (what: string): Outcome => unknown(`the driver does not say ${what}`);
  return named({
    memory_type_device:
      memory_type === null
        ? silent("what kind of memory this is")
        : memory_type === "device"
          ? proven("the driver calls it device memory")
          : violated(`the driver calls it ${memory_type} memory`),
    not_managed: yesNo(facts.is_managed, {
      yes: violated("managed memory may move to the host at any time"),
      no: proven("it is not managed memory"),
      unknown: "the driver does not say whether the memory is managed",
    }),
    no_host_pointer: yesNo(facts.has_host_pointer, {
      yes: violated("the host can reach the memory through a pointer of its own"),
      no: proven("the host has no pointer to it"),
      unknown: "the driver does not say whether the host has a pointer",
    }),
    device_ordinal:
      device_ordinal === null
        ? silent("which device holds the memory")
        : device_ordinal === expected.device_ordinal
          ? proven(`it is on device ${device_ordinal}`)
          : violated(`expected device ${expected.device_ordinal}, found ${device_ordinal}`),
    range:
      range_bytes === null
        ? silent("how long the allocation is")
        : range_bytes >= expected.bytes
          ? proven(`the allocation holds ${expected.bytes} bytes`)
          : violated(`expected an allocation of ${expected.bytes} bytes or more, found ${range_bytes}`),
  });
}

/** Of several checks with one name the worst counts: a violation, then what cannot be shown. */
export function summarizePolicy(checks: Iterable<PolicyCheck>): readonly PolicyCheck[] {
  const severity = { proven: 0, not_provable: 1, violated: 2 } as const;
  const worst = new Map<PolicyCheckName, PolicyCheck>();
  for (const one of checks) {
    const known = worst.get(one.check);
    if (known === undefined || severity[one.outcome] > severity[known.outcome]) worst.set(one.check, one);
  }
  return POLICY_CHECKS.flatMap((name) => worst.get(name) ?? []);
}

function fallback(model: PolicyDeviceFacts["driver_model"]): Outcome {
  if (model === null) return unknown("the driver does not say which model it follows");
  // Drivers from 536.40 on let CUDA allocations overflow into host memory under WDDM; pointer attributes do not show it.
  if (model === "wddm" || model === "mcdm")
    return violated(`a ${model.toUpperCase()} driver may serve device allocations from host memory`);
  return proven(
    model === "tcc" ? "a TCC driver has no fallback to host memory" : "this platform has no fallback to host memory",
  );
}

function paging(device: PolicyDeviceFacts): Outcome {
  const { pageable_memory_access: pageable, pageable_memory_access_uses_host_page_tables: shared } = device;
  if (shared === true)
    return violated("the GPU uses the host's page tables (ATS): memory may be moved between the two");
  if (pageable === null || shared === null)
    return unknown("the driver does not say whether the GPU reaches pageable host memory");
  if (pageable)
    return unknown("the GPU reaches pageable host memory (HMM): what else a kernel reads cannot be seen from here");
  return proven("the GPU reaches no pageable host memory");
}

function yesNo(value: boolean | null, outcome: { yes: Outcome; no: Outcome; unknown: string }): Outcome {
  if (value === null) return unknown(outcome.unknown);
  return value ? outcome.yes : outcome.no;
}

function named(outcomes: Readonly<Partial<Record<PolicyCheckName, Outcome>>>): readonly PolicyCheck[] {
  return POLICY_CHECKS.flatMap((check) => {
    const outcome = outcomes[check];
    return outcome === undefined ? [] : [{ check, ...outcome }];
  });
}
