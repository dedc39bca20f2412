import { flag, text } from "./options.js";

/** `--json`, for every command that reports. */
export const jsonOption = flag("print one JSON document instead of text");

/** `-o`, for every command with a result on stdout; the frame writes the file. */
export const outOption = text("FILE", "write the result to FILE instead of stdout", { short: "o", completes: "file" });

/** Options every command has; `color` and `progress` are given as `--no-color` and `--no-progress`. */
export const commonOptions = {
  quiet: { flags: "-q, --quiet", summary: "print nothing on stderr but errors" },
  verbose: { flags: "-v, --verbose", summary: "print more on stderr" },
  color: { flags: "--no-color", summary: "no colours (as does the environment variable NO_COLOR)" },
  progress: { flags: "--no-progress", summary: "no progress line" },
} as const;
