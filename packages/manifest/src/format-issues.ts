import type { Issue } from "./issue.js";

/** One line for each issue, as compilers write them: `file:line:column: code: message`. */
export function formatIssues(
  issues: readonly Issue[],
  { filename = "manifest" }: { readonly filename?: string | undefined } = {},
): string {
  return issues
    .map(({ code, message, line, column }) => {
      const place = line === undefined || column === undefined ? filename : `${filename}:${line}:${column}`;
      return `${place}: ${code}: ${message}`;
    })
    .join("\n");
}
