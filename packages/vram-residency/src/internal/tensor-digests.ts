import type { DeviceBuffer, TreeHasher } from "@vrx/native-cuda";
import { VramResidencyError, invalidInput } from "../errors.js";
import { type TensorDigest, type TensorRange, readSafetensorsHeader, safetensorsHeaderBytes } from "../safetensors.js";
import { withSignal } from "./manager-core.js";

/** Hashes ranges of a buffer on the device, each to a digest of its own. Throws `invalid_input` for one outside of `bytes`. */
export async function digestTensors(
  hasher: TreeHasher,
  buffer: DeviceBuffer,
  bytes: number,
  ranges: readonly TensorRange[],
  signal: AbortSignal | undefined,
): Promise<readonly TensorDigest[]> {
  for (const range of ranges) {
    const whole = [range.offset, range.bytes].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (whole && range.offset + range.bytes <= bytes) continue;
    const name = JSON.stringify(range.name.slice(0, 80));
    throw new VramResidencyError(
      "invalid_input",
      `the tensor ${name} lies outside of the ${bytes} bytes that there are`,
    );
  }
  const trees = await hasher.hashRanges(buffer, ranges, withSignal(signal));
  return ranges.map(({ name, offset, bytes: length }, i) => ({
    name,
    offset,
    bytes: length,
    tree_digest: trees[i]?.digest ?? "",
  }));
}

/** Reads the header of a safetensors file that lies on the device. */
export async function readTensorRanges(
  buffer: DeviceBuffer,
  bytes: number,
  signal: AbortSignal | undefined,
): Promise<readonly TensorRange[]> {
  const read = async (length: number): Promise<Uint8Array> => {
    const target = new Uint8Array(length);
    await buffer.copyTo(target, { bytes: length, ...withSignal(signal) });
    return target;
  };
  const header_bytes = safetensorsHeaderBytes(await read(Math.min(8, bytes)), bytes);
  if (header_bytes === null) {
    throw invalidInput("safetensors: the file does not begin with a header");
  }
  return readSafetensorsHeader(await read(header_bytes), bytes);
}
