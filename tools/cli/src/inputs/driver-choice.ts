import type { DriverChoice } from "@vrx/cuda-gate/node";
import { CliError } from "../frame/cli-error.js";

/** The driver that `--fake-driver` chooses: nothing for the system's own. Throws a {@link CliError} where there is no fake one. */
export async function driverChoice(fake: boolean): Promise<{ readonly driver?: DriverChoice }> {
  if (!fake) return {};
  const { fakeDriverLibrary } = await import("@vrx/native-cuda/testing");
  const library = fakeDriverLibrary();
  if (library.status === "ok") return { driver: { library: library.file } };
  throw new CliError("bad_environment", `--fake-driver: ${library.message}; ${library.fix}`);
}
