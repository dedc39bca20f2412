import { anyOperands } from "../frame/define-command.js";
import { jsonOption, outOption } from "../frame/common-options.js";
import { flag } from "../frame/options.js";

/** Where runs are looked for. */
export const folders = anyOperands("DIR", "where to look: folders, or files of packets (default: runs and sweeps)", {
  completes: "directory",
});

/** How an answer is printed. */
export const answerOptions = {
  json: jsonOption,
  csv: flag("print CSV (RFC 4180) instead of a table"),
  out: outOption,
};

/** What the help of each command says of exit codes. */
export const answerExits = {
  0: "the answer is printed, also where it is empty",
  2: "a folder is not there, the query is refused, or the package @duckdb/node-api is missing",
};
