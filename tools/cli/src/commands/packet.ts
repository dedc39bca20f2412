import { defineGroup } from "../frame/define-command.js";
import { packetBuild } from "./packet-build.js";

/** `vrx packet` */
export const packet = defineGroup({
  name: "packet",
  summary: "datapoints that join cost and capability",
  commands: [packetBuild],
});
