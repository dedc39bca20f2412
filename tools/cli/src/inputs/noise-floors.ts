import { hostname } from "node:os";
import type { JsonValue } from "@vrx/objective-contract";
import { type NoiseFloor, floorKey, readNoiseFloor } from "@vrx/harness";
import { CliError } from "../frame/cli-error.js";
import { readInput } from "./read-input.js";

/** A file of floors: one host has one for each workload, engine and device. */
interface Calibration {
  readonly schema_version: "vrx_calibration_v1";
  readonly floors: readonly NoiseFloor[];
}

// A floor has less than a kilobyte.
const limit_bytes = 4 * 2 ** 20;

/** Where the floors of a host are unless somebody says otherwise. */
export function floorFile(host: string = hostname()): string {
  return `calibration/${host.replaceAll(/[^\w.-]/g, "_")}.json`;
}

/** The floors of a file; none where it is not there and need not be. Throws a {@link CliError} where it is something else. */
export async function floorsOf(file: string, { must }: { readonly must: boolean }): Promise<readonly NoiseFloor[]> {
  const input = await readInput(file, limit_bytes);
  if (input.status === "failed") {
    if (input.reason === "no such file" && !must) return [];
    throw new CliError("bad_input", `${file}: ${input.reason}`);
  }
  let json: Partial<Record<keyof Calibration, JsonValue>>;
  try {
    json = JSON.parse(new TextDecoder().decode(input.bytes)) as typeof json;
  } catch (error) {
    throw new CliError("bad_input", `${file}: expected JSON, as vrx calibrate writes it`, { cause: error });
  }
  const { schema_version, floors } = json;
  if (schema_version === "vrx_calibration_v1" && Array.isArray(floors)) {
    const read = (floors as readonly JsonValue[]).map(readNoiseFloor);
    if (read.every((floor) => floor !== null)) return read;
  }
  throw new CliError("bad_input", `${file}: expected a vrx_calibration_v1, as vrx calibrate writes it`);
}

/** The text of a file in which a new floor has taken the place of an older one of the same thing. */
export function withFloor(floors: readonly NoiseFloor[], added: NoiseFloor): string {
  const key = floorKey(added);
  const calibration: Calibration = {
    schema_version: "vrx_calibration_v1",
    floors: [...floors.filter((floor) => floorKey(floor) !== key), added],
  };
  return `${JSON.stringify(calibration, null, 2)}\n`;
}
