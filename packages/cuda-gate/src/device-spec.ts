/** Where something is to run: on the CPU, or on the GPU of an ordinal from 0 to 15. */
export type Device = { readonly kind: "cpu" } | { readonly kind: "cuda"; readonly ordinal: number };

/** A device as it was asked for; `auto` is resolved against what the host has. */
export type DeviceSpec = Device | { readonly kind: "auto" };

/** A GPU by its identity, or a slice of one: what survives reordering and `CUDA_VISIBLE_DEVICES`. */
export type DeviceSelector =
  | DeviceSpec
  | { readonly kind: "gpu_uuid"; readonly uuid: string }
  | { readonly kind: "mig_uuid"; readonly uuid: string };

export type DeviceRead<T> =
  | { readonly status: "ok"; readonly device: T }
  | { readonly status: "invalid"; readonly code: "invalid_spec"; readonly input: string; readonly message: string };

/** GPUs that the grammar can name; also the largest list a version report may have. */
export const MAX_DEVICES = 16;

/** The grammar of INV-GPUTRAIN-001: case matters, nothing is trimmed, ordinals have no leading zero. */
export const DEVICE_PATTERN = /^(?:cpu|auto|cuda(?::(\d|1[0-5]))?)$/u;

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const GPU_UUID = new RegExp(`^GPU-${UUID}$`, "u");
// R470 and newer drivers name slices MIG-<uuid>; older ones MIG-GPU-<uuid>/<gpu instance>/<compute instance>.
const MIG_UUID = new RegExp(`^MIG-(?:${UUID}|GPU-${UUID}/\\d{1,2}/\\d{1,2})$`, "u");

/** The longest input that is repeated in a message. */
const SHOWN = 64;

function shown(input: string): string {
  return JSON.stringify(input.length > SHOWN ? `${input.slice(0, SHOWN)}...` : input);
}

function invalid(input: string, expected: string): DeviceRead<never> {
  const message = `INV-GPUTRAIN-001: expected ${expected}, found ${shown(input)}`;
  return { status: "invalid", code: "invalid_spec", input, message };
}

// A dollar sign matches before a final newline in some dialects of regular expressions; in this one it does not.
function match(input: string): DeviceSpec | null {
  const found = DEVICE_PATTERN.exec(input);
  if (found === null) return null;
  if (input === "cpu" || input === "auto") return { kind: input };
  return { kind: "cuda", ordinal: Number(found[1] ?? "0") };
}

/**
 * Reads a device by the strict grammar of INV-GPUTRAIN-001: `cpu`, `auto`, `cuda` (which is `cuda:0`) and `cuda:0` to
 * `cuda:15`. Nothing about the host is asked, so a configuration can be checked anywhere.
 *
 * @example
 * parseDevice("cuda"); // { status: "ok", device: { kind: "cuda", ordinal: 0 } }
 * parseDevice("cuda:16").status; // "invalid"
 */
export function parseDevice(input: string): DeviceRead<DeviceSpec> {
  const device = match(input);
  return device === null ? invalid(input, "cpu, auto, cuda or cuda:0 to cuda:15") : { status: "ok", device };
}

/** What `parseDevice` reads, and GPUs and MIG slices by UUID as the driver writes them (`GPU-...`, `MIG-...`). */
export function parseDeviceSelector(input: string): DeviceRead<DeviceSelector> {
  const device = match(input);
  if (device !== null) return { status: "ok", device };
  if (GPU_UUID.test(input)) return { status: "ok", device: { kind: "gpu_uuid", uuid: input } };
  if (MIG_UUID.test(input)) return { status: "ok", device: { kind: "mig_uuid", uuid: input } };
  return invalid(input, "cpu, auto, cuda, cuda:0 to cuda:15, GPU-<uuid> or MIG-<uuid>");
}

/** The tag of a resolved device: `cpu` or `cuda:N`. */
export function deviceTag(device: Device): string {
  return device.kind === "cpu" ? "cpu" : `cuda:${device.ordinal}`;
}
