import { jsonOption, outOption } from "../frame/common-options.js";
import { type CallOf, defineCommand } from "../frame/define-command.js";
import { flag } from "../frame/options.js";

const takes = {
  operands: {},
  options: {
    force: flag("compile also what is there and loads"),
    json: jsonOption,
    out: outOption,
  },
};

/** A call of `vrx native build`. */
export type NativeBuildCall = CallOf<typeof takes>;

/** `vrx native build` */
export const nativeBuild = defineCommand({
  name: "build",
  summary: "compile the native addons with the system's C compiler, where none fits",
  description:
    "Compile the native addons with the system's C compiler (cc, or the one that CC names) where none that was built or " +
    "shipped loads here: the one that loads the CUDA driver, and the CPU engine of the ring. Nothing is downloaded, and " +
    "neither CUDA nor a GPU is needed.",
  ...takes,
  examples: [
    { does: "on a platform for which none is shipped", line: "vrx native build" },
    { does: "with another compiler, whatever is there", line: "CC=clang vrx native build --force" },
  ],
  exits: { 0: "every addon loads now", 2: "one cannot be compiled here; what is missing is said" },
  load: async () => (await import("../actions/native-build.js")).run,
});
