// Control characters can rewrite what a terminal shows, and bidirectional ones can reorder it.
// eslint-disable-next-line no-control-regex -- finding control characters is the purpose
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** `text` with control and reordering characters spelled out (`\x1b`, `\u202e`); tabs and line feeds stay. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/**
 * A file name for a line of output: as it is when it fits in one line, otherwise as a JSON string,
 * so that a name with a tab, a line feed or a leading quote cannot pass for something else.
 */
export function quoteName(name: string): string {
  return name.startsWith('"') || name.includes("\t") || name.includes("\n") || printable(name) !== name
    ? printable(JSON.stringify(name))
    : name;
}
