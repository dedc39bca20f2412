import { type Engine, type EngineChoice, type EngineOptions, createEngine, isRingEngineError } from "@vrx/ring-engine";
import { CliError } from "../frame/cli-error.js";
import type { Output } from "../frame/output.js";
import { driverChoice } from "./driver-choice.js";

/**
 * The engine of `--engine`. Notes on stderr why `auto` had to take a slower one; throws a {@link CliError} with what to
 * do when the one that was asked for is not there.
 */
export async function namedEngine(choice: EngineChoice, output: Output, options: EngineOptions = {}): Promise<Engine> {
  try {
    const engine = await createEngine(choice, options);
    if (engine.fallback !== null) {
      output.note(`using the ${engine.kind} engine: ${engine.fallback.reason} (${engine.fallback.fix})`);
    }
    return engine;
  } catch (error) {
    if (!isRingEngineError(error) || (error.code !== "engine_unavailable" && error.code !== "invalid_argument"))
      throw error;
    const code = error.code === "invalid_argument" ? "bad_arguments" : "bad_environment";
    throw new CliError(code, error.message, { cause: error });
  }
}

/** What `--fake-driver` is to an engine: the library to use, and with it the cuda engine. */
export async function fakeDevice(fake: boolean): Promise<Pick<EngineOptions, "driver">> {
  const { driver } = await driverChoice(fake);
  return driver?.library === undefined ? {} : { driver: driver.library };
}
