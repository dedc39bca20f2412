import { defineGroup } from "../frame/define-command.js";
import { nativeBuild } from "./native-build.js";
import { nativeInfo } from "./native-info.js";

/** `vrx native` */
export const native = defineGroup({
  name: "native",
  summary: "compile the native parts of vrx, or say which ones are in use",
  commands: [nativeBuild, nativeInfo],
});
