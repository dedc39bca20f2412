import type { Cause, DiagnosedReport } from "../diagnose.js";
import { MAX_DEVICES } from "../device-spec.js";

const LONGEST_NAME = 256;

const fix =
  "collect the report again with `vrx doctor --json`; if it stays, the report was edited or is of another tool";

/** What the facts of a report say against each other; empty for a report that can be believed. */
export function contradictions(report: DiagnosedReport): readonly Cause[] {
  const { cuda_runtime_available: available, visible_devices, devices } = report;
  const causes: Cause[] = [];
  const add = (code: Cause["code"], why: string): void => void causes.push({ code, why, fix });
  if (available && visible_devices.length === 0) {
    add("available_without_device", "the runtime counts as available and there is no device");
  }
  if (!available && visible_devices.length > 0) {
    add("device_without_runtime", "devices are listed and the runtime is not available");
  }
  const read = visible_devices.map((text) => /^(\d{1,2}):([^]*)$/u.exec(text));
  const unread = visible_devices.filter((_, index) => {
    const name = read[index]?.[2] ?? "";
    return name === "" || name.length > LONGEST_NAME;
  });
  if (unread.length > 0) {
    const [text = ""] = unread;
    const shown = JSON.stringify(text.slice(0, LONGEST_NAME));
    add("device_text", `expected "<index>:<name>" with a name of 1 to ${LONGEST_NAME} characters, found ${shown}`);
  }
  const ordinals = read.flatMap((match) => (match?.[1] === undefined ? [] : [Number(match[1])]));
  if (new Set(ordinals).size !== ordinals.length) add("duplicate_device", "two devices have one index");
  else if (visible_devices.length <= MAX_DEVICES && ordinals.some((ordinal, index) => ordinal !== index)) {
    add("device_order", `indices count 0, 1, 2 and so on; found ${ordinals.join(", ")}`);
  }
  if (devices === undefined) return causes;
  const uuids = devices.flatMap(({ uuid }) => (uuid === null ? [] : [uuid]));
  if (new Set(uuids).size !== uuids.length) add("duplicate_device", "two devices have one UUID");
  const listed = devices.map(({ ordinal, name }) => `${ordinal}:${name}`);
  if (listed.length !== visible_devices.length || listed.some((text, index) => text !== visible_devices[index])) {
    add(
      "devices_disagree",
      `visible_devices has ${visible_devices.length} devices, devices others (${devices.length})`,
    );
  }
  return causes;
}
