import type { CommandEntry, OptionEntry } from "./entries.js";

/** A completion script for zsh; `presets` are offered where a spec is expected. */
export function zshCompletion(entries: readonly CommandEntry[], presets: readonly string[]): string {
  return `#compdef vrx
# zsh completion for vrx. Save it as _vrx in a folder of $fpath, or load it with: source <(vrx completion zsh)
_vrx_specs() {
  _alternative ${quote(`presets:preset:(${presets.join(" ")})`)} 'files:file:_files'
}

${entries.map(place).join("\n\n")}

if [[ $funcstack[1] == _vrx ]]; then
  _vrx "$@"
else
  compdef _vrx vrx
fi
`;
}

function functionName(path: readonly string[]): string {
  return ["_vrx", ...path].join("_").replaceAll("-", "_");
}

function place(entry: CommandEntry): string {
  const options = entry.options.map(optionSpec);
  if (entry.commands.length === 0) {
    const operands = entry.operands.map(
      ({ name, count, completes, values = [] }) =>
        `${count === "many" || count === "any" ? "*" : ""}${count === "optional" ? ":" : ""}:${name}:${offer(completes, values)}`,
    );
    const rest = entry.rest ? anotherCommand : "";
    return `${functionName(entry.path)}() {\n${rest}  _arguments -s ${lines([...options, ...operands.map(quote)])}\n}`;
  }
  const names = entry.commands.map(({ name, summary }) => quote(`${name}:${summary}`));
  const cases = entry.commands.map(({ name }) => `        ${name}) ${functionName([...entry.path, name])} ;;`);
  return `${functionName(entry.path)}() {
  local state line
  local -a commands=(
    ${names.join("\n    ")}
  )
  _arguments -C ${lines([...options, "'1: :->command'", "'*:: :->rest'"])}
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
${cases.join("\n")}
      esac
      ;;
  esac
}`;
}

/** After `--` stands the command line of another program. */
const anotherCommand = `  local -i dashes=\${words[(i)--]}
  if (( dashes < CURRENT )); then
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
`;

function optionSpec({ words, summary, value }: OptionEntry): string {
  const text = summary.replaceAll(/[[\]:]/g, "\\$&");
  const argument =
    value === undefined ? "" : `:${value.name.replaceAll(":", "\\:")}:${offer(value.completes, value.values)}`;
  const exclusive = words.length > 1 ? quote(`(${words.join(" ")})`) : "";
  const spelled = words.map((word) => (value !== undefined && word.startsWith("--") ? `${word}=` : word));
  const names = spelled.length > 1 ? `{${spelled.join(",")}}` : (spelled[0] ?? "");
  return `${exclusive}${names}${quote(`[${text}]${argument}`)}`;
}

function offer(completes: string, values: readonly string[]): string {
  if (values.length > 0) return `(${values.join(" ")})`;
  if (completes === "directory") return "_files -/";
  if (completes === "file") return "_files";
  return completes === "spec" ? "_vrx_specs" : " ";
}

function lines(words: readonly string[]): string {
  return ["", ...words].join(" \\\n    ");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
