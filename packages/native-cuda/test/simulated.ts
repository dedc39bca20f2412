import { loadAddon } from "../src/native-addon.js";
import { fakeDriverLibrary } from "../src/testing/fake-driver.js";

/** Why nothing can run on a fake driver here; null where it can. */
export const cannotSimulate: string | null = [loadAddon(), fakeDriverLibrary()]
  .map((part) => (part.status === "unavailable" ? part.message : null))
  .reduce((first, next) => first ?? next);

if (cannotSimulate !== null) console.warn(`skipped: ${cannotSimulate}`);
