import type { CommandEntry, OptionEntry } from "./entries.js";

/** A completion script for bash 3.2 and later; `presets` are offered where a spec is expected. */
export function bashCompletion(entries: readonly CommandEntry[], presets: readonly string[]): string {
  return `# bash completion for vrx. Load it with: source <(vrx completion bash)
_vrx_words() {
  COMPREPLY+=($(compgen -W "$1" -- "$cur"))
}

_vrx_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen "$1" -- "$cur"))
}

_vrx() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} at= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
${transitions(entries)}
    esac
  done
  case "$at" in
${entries.map((entry) => place(entry, presets)).join("\n")}
    "--")
      if [[ $prev == -- ]]; then COMPREPLY+=($(compgen -c -- "$cur")); fi
      _vrx_paths -f
      ;;
  esac
}

complete -F _vrx vrx
`;
}

function transitions(entries: readonly CommandEntry[]): string {
  const steps = entries
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `      "${path.slice(0, -1).join(" ")}/${path.at(-1) ?? ""}") at="${path.join(" ")}" ;;`);
  // After \`--\` stands a command line that is not ours.
  const rest = entries.filter((entry) => entry.rest).map(({ path }) => `      "${path.join(" ")}/--") at="--" ;;`);
  return [...steps, ...rest].join("\n");
}

function place(entry: CommandEntry, presets: readonly string[]): string {
  const values = entry.options.flatMap((option) =>
    option.value === undefined
      ? []
      : [`        ${option.words.join(" | ")}) ${offer(option.value, presets)}; return ;;`],
  );
  const names = entry.options.flatMap(({ words }) => words.filter((word) => word.startsWith("--"))).join(" ");
  const afterDash = `      if [[ $cur == -* ]]; then _vrx_words "${names}"; return; fi`;
  const words = entry.commands.length > 0 ? [`_vrx_words "${entry.commands.map(({ name }) => name).join(" ")}"`] : [];
  const operands = entry.operands.map((operand) => offer({ ...operand, values: operand.values ?? [] }, presets));
  return [
    `    "${entry.path.join(" ")}")`,
    ...(values.length > 0 ? ['      case "$prev" in', ...values, "      esac"] : []),
    afterDash,
    ...new Set([...words, ...operands].map((line) => `      ${line}`)),
    "      ;;",
  ].join("\n");
}

function offer(
  { completes, values }: Omit<NonNullable<OptionEntry["value"]>, "name">,
  presets: readonly string[],
): string {
  if (values.length > 0) return `_vrx_words "${values.join(" ")}"`;
  if (completes === "directory") return "_vrx_paths -d";
  if (completes === "file") return "_vrx_paths -f";
  return completes === "spec" ? `_vrx_words "${presets.join(" ")}"; _vrx_paths -f` : ":";
}
