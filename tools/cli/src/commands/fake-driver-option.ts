import { flag } from "../frame/options.js";

/** `--fake-driver`, for commands that ask the CUDA driver. */
export const fakeDriverOption = flag("use the driver without a GPU that vrx is tested with; nothing simulated passes");
