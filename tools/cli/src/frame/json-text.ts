/**
 * `value` as JSON, indented by two spaces, like `JSON.stringify(value, null, 2)`, but bigints are written as integers
 * with all their digits. Properties that are undefined or functions are left out; numbers JSON has no word for are null.
 */
export function jsonText(value: unknown): string {
  return write(value, "\n") ?? "null";
}

function write(value: unknown, lineStart: string): string | undefined {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (value instanceof Date) return JSON.stringify(value);
  const inner = `${lineStart}  `;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => write(item, inner) ?? "null");
    return items.length === 0 ? "[]" : `[${inner}${items.join(`,${inner}`)}${lineStart}]`;
  }
  const members = Object.entries(value).flatMap(([key, member]) => {
    const text = write(member, inner);
    return text === undefined ? [] : [`${JSON.stringify(key)}: ${text}`];
  });
  return members.length === 0 ? "{}" : `{${inner}${members.join(`,${inner}`)}${lineStart}}`;
}
