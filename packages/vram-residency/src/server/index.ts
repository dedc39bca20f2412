/** The sidecar: a manager behind HTTP. Needs the optional packages `fastify`, `@fastify/swagger` and `prom-client`. */
export { type SidecarAddress, listen } from "./listen.js";
export { residencyRegistry } from "./metrics-text.js";
export { type SidecarOptions, createSidecar } from "./sidecar.js";
