import { REQUIRED_VERSION_JSON_KEYS, type VersionJsonCudaFields } from "./version-report.js";

/** What is wrong with a version report that came from outside. */
export interface VersionJsonIssue {
  readonly code: "not_json" | "not_an_object" | "missing_key" | "wrong_type";
  /** JSON pointer to the value; empty for the whole document. */
  readonly pointer: string;
  readonly expected: string;
  readonly found: string;
}

/** The CUDA block of a version report, or everything that is wrong with it. */
export type VersionJsonRead =
  | { readonly status: "ok"; readonly keys: readonly string[]; readonly fields: VersionJsonCudaFields }
  | { readonly status: "invalid"; readonly issues: readonly VersionJsonIssue[] };

/**
 * Reads the text that `vrx --version --json` (or another tool under INV-GPUTRAIN-007) printed, so that the two gates can
 * be asked about it. The schema gate looks at the names of keys alone; here each also has its type. Further keys are
 * tolerated.
 *
 * @example
 * const read = readVersionJson('{"cuda_feature":"yes","cuda_runtime_available":true,"visible_devices":[]}');
 * read.status; // "invalid": /cuda_feature: expected true or false, found a text
 */
export function readVersionJson(text: string): VersionJsonRead {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return invalid([issue("not_json", "", "a JSON document", error instanceof Error ? error.message : String(error))]);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    return invalid([issue("not_an_object", "", "an object", kindOf(document))]);
  }
  const entries = new Map<string, unknown>(Object.entries(document));
  const missing = REQUIRED_VERSION_JSON_KEYS.filter((key) => !entries.has(key));
  const issues = missing.map((key) => issue("missing_key", `/${key}`, "a value", "nothing"));
  const flag = (key: "cuda_feature" | "cuda_runtime_available"): boolean => {
    const value = entries.get(key);
    if (typeof value === "boolean") return value;
    if (entries.has(key)) issues.push(issue("wrong_type", `/${key}`, "true or false", kindOf(value)));
    return false;
  };
  const texts = (key: "visible_devices"): readonly string[] => {
    const value = entries.get(key);
    if (Array.isArray(value)) {
      return value.flatMap((item: unknown, index) => {
        if (typeof item === "string") return [item];
        issues.push(issue("wrong_type", `/${key}/${index}`, '"<index>:<name>"', kindOf(item)));
        return [];
      });
    }
    if (entries.has(key)) issues.push(issue("wrong_type", `/${key}`, "a list of texts", kindOf(value)));
    return [];
  };
  const fields = {
    cuda_feature: flag("cuda_feature"),
    cuda_runtime_available: flag("cuda_runtime_available"),
    visible_devices: texts("visible_devices"),
  };
  return issues.length === 0 ? { status: "ok", keys: [...entries.keys()], fields } : invalid(issues);
}

function invalid(issues: readonly VersionJsonIssue[]): VersionJsonRead {
  return { status: "invalid", issues };
}

function issue(code: VersionJsonIssue["code"], pointer: string, expected: string, found: string): VersionJsonIssue {
  return { code, pointer, expected, found };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? "a text" : typeof value === "number" ? "a number" : "an object";
}
