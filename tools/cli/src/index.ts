export { main } from "./main.js";
export { exitCodes, type ExitCode } from "./frame/exit-codes.js";
