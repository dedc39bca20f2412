import type { CommandEntry, OptionEntry } from "./entries.js";

/** A completion script for fish 3 and later; `presets` are offered where a spec is expected. */
export function fishCompletion(entries: readonly CommandEntry[], presets: readonly string[]): string {
  const paths = entries.filter(({ path }) => path.length > 0).map(({ path }) => quote(path.join(" ")));
  return `# fish completion for vrx. Load it with: vrx completion fish | source
function __vrx_at
    set -l at
    for word in (commandline -opc)[2..-1]
        set -l next (string join ' ' -- $at $word)
        if contains -- $next ${paths.join(" ")}
            set at $next
        else if test "$word" = --
            set at --
        end
    end
    test "$at" = "$argv[1]"
end

complete -c vrx -f
complete -c vrx -n '__vrx_at --' -F
${entries.flatMap((entry) => place(entry, presets)).join("\n")}
`;
}

function place(entry: CommandEntry, presets: readonly string[]): readonly string[] {
  const at = `complete -c vrx -n ${quote(`__vrx_at ${quote(entry.path.join(" "))}`)}`;
  const commands = entry.commands.map(({ name, summary }) => `${at} -a ${name} -d ${quote(summary)}`);
  const options = entry.options.map((option) => `${at} ${optionWords(option, presets)}`);
  const operands = entry.operands.flatMap(({ completes, values = [] }) => {
    const offered = offer(completes, values, presets);
    return offered === "" ? [] : [`${at} ${offered}`];
  });
  return [...commands, ...options, ...new Set(operands)];
}

function optionWords({ words, summary, value }: OptionEntry, presets: readonly string[]): string {
  const names = words.map((word) => (word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`));
  // `-x` keeps the files of the folder out of values that are no files.
  const takes = value?.completes === "file" || value?.completes === "spec" ? "-r" : "-x";
  const argument = value === undefined ? [] : [takes, offer(value.completes, value.values, presets)];
  return [...names, ...argument, `-d ${quote(summary)}`].filter((part) => part !== "").join(" ");
}

function offer(completes: string, values: readonly string[], presets: readonly string[]): string {
  if (values.length > 0) return `-a ${quote(values.join(" "))}`;
  if (completes === "directory") return `-a ${quote("(__fish_complete_directories)")}`;
  if (completes === "file") return "-F";
  return completes === "spec" ? `-F -a ${quote(presets.join(" "))}` : "";
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
