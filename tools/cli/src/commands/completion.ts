import { outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand, operand } from "../frame/define-command.js";

/** The shells there are completion scripts for. */
export const shells = ["bash", "zsh", "fish"] as const;

const takes = {
  operands: { shell: operand("SHELL", shells.join(", "), { values: shells }) },
  options: { out: outOption },
};

/** A call of `vrx completion`. */
export type CompletionCall = CallOf<typeof takes>;

/** `vrx completion` */
export const completion = defineCommand({
  name: "completion",
  summary: "print a completion script for a shell",
  ...takes,
  examples: [
    { does: "complete in this bash", line: "source <(vrx completion bash)" },
    { does: "complete in every zsh, given a folder of $fpath", line: 'vrx completion zsh -o "${fpath[1]}/_vrx"' },
    { does: "complete in every fish", line: "vrx completion fish -o ~/.config/fish/completions/vrx.fish" },
  ],
  load: async () => (await import("../actions/completion.js")).run,
});
