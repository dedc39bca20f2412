import { describe, expect, it, vi } from "vitest";
import { listenForInterruption } from "../src/frame/interruption.js";

describe("an interruption", () => {
  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("by %s aborts the signal once and becomes exit code %i", (name, code) => {
    const interruption = listenForInterruption();
    try {
      expect(interruption.exitCode()).toBeUndefined();
      expect(interruption.signal.aborted).toBe(false);
      process.emit(name, name);
      expect(interruption.signal.aborted).toBe(true);
      expect(interruption.exitCode()).toBe(code);
    } finally {
      interruption.stop();
    }
  });

  it("that comes twice ends the process at once", () => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const interruption = listenForInterruption();
    try {
      process.emit("SIGINT", "SIGINT");
      expect(exit).not.toHaveBeenCalled();
      process.emit("SIGTERM", "SIGTERM");
      expect(exit).toHaveBeenCalledExactlyOnceWith(143);
    } finally {
      interruption.stop();
      exit.mockRestore();
    }
  });

  it("is the system's again when nobody listens", () => {
    const before = process.listenerCount("SIGINT");
    listenForInterruption().stop();
    expect(process.listenerCount("SIGINT")).toBe(before);
  });
});
