import { CudaError, type CudaErrorCode, type DriverFailure } from "../errors.js";
import { type AddonFunctions, addonFunctionNames } from "./addon-functions.js";
import { codeOfResult, isStickyResult } from "./result-codes.js";

/** What the addon puts on the errors it throws. */
interface NativeError extends Error {
  readonly code: CudaErrorCode | "cuda";
  readonly result?: number;
  readonly result_name?: string;
  readonly text?: string;
  readonly call?: string;
  readonly site?: string;
  /** 1 where NVML, asked after the failure, says that the device is lost. */
  readonly lost?: number;
}

function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** An error of the addon as a `CudaError`; everything else as it is. */
export function translateError(error: unknown): unknown {
  if (!isNativeError(error)) return error;
  if (error.code !== "cuda") return new CudaError(error.code, error.message, { cause: error });
  const driver: DriverFailure = {
    result: error.result ?? -1,
    name: error.result_name ?? "unknown",
    text: error.text ?? "",
    call: error.call ?? "",
    site: error.site ?? "",
  };
  if (error.lost === 1) return new CudaError("device_lost", error.message, { driver, sticky: true });
  return new CudaError(codeOfResult(driver.result), error.message, { driver, sticky: isStickyResult(driver.result) });
}

type Functions = Record<string, (...args: readonly unknown[]) => unknown>;

/** The same functions, throwing and rejecting with `CudaError`s only. */
export function translateErrors(addon: AddonFunctions): AddonFunctions {
  const raw = addon as unknown as Functions;
  const translated: Functions = {};
  for (const name of addonFunctionNames) {
    const call = raw[name];
    if (call === undefined) continue;
    translated[name] = (...args) => {
      try {
        const result = call(...args);
        if (!(result instanceof Promise)) return result;
        return result.catch((error: unknown) => {
          throw translateError(error);
        });
      } catch (error) {
        throw translateError(error);
      }
    };
  }
  return translated as unknown as AddonFunctions;
}
