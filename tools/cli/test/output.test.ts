import { describe, expect, it } from "vitest";
import { type OutputSettings, createOutput } from "../src/frame/output.js";
import { progressLine } from "../src/frame/progress.js";

function recorded(settings: Partial<OutputSettings> = {}) {
  const streams = { stdout: "", stderr: "" };
  const sink = (name: keyof typeof streams) => ({ write: (text: string) => void (streams[name] += text) });
  const output = createOutput({
    stdout: sink("stdout"),
    stderr: sink("stderr"),
    verbosity: "normal",
    colour: { stdout: () => false, stderr: () => false },
    showProgress: () => true,
    columns: () => 80,
    ...settings,
  });
  return { streams, output };
}

function sayEverything({ output }: ReturnType<typeof recorded>): void {
  output.print("result");
  output.error("error");
  output.problem("spec.json:1:1: problem");
  output.warn("warning");
  output.note("note");
  output.detail("detail");
}

describe("what a command says", () => {
  it("puts results on stdout and everything else on stderr, as much as was asked for", () => {
    const quiet = ["vrx: error: error", "spec.json:1:1: problem"];
    const normal = [...quiet, "vrx: warning: warning", "vrx: note"];
    for (const [verbosity, lines] of [
      ["quiet", quiet],
      ["normal", normal],
      ["verbose", [...normal, "vrx: detail"]],
    ] as const) {
      const spoken = recorded({ verbosity });
      sayEverything(spoken);
      expect(spoken.streams).toEqual({ stdout: "result\n", stderr: `${lines.join("\n")}\n` });
    }
  });

  it("makes foreign text safe on stderr", () => {
    const { streams, output } = recorded();
    output.error("\u001b[2J");
    output.problem("\u001b[2J");
    output.note("\u001b[2J");
    expect(streams.stderr).not.toContain("\u001b");
  });

  it("takes the progress line away before it says anything", () => {
    const { streams, output } = recorded();
    output.progress().update("step 1");
    output.print("result");
    output.progress().update("step 2");
    output.close();
    expect(streams).toEqual({ stdout: "result\n", stderr: "\r\u001b[Kstep 1\r\u001b[K\r\u001b[Kstep 2\r\u001b[K" });
  });

  it("shows no progress when quiet or told not to", () => {
    for (const settings of [{ verbosity: "quiet" }, { showProgress: () => false }] as const) {
      const { streams, output } = recorded(settings);
      output.progress().update("step 1");
      output.close();
      expect(streams.stderr).toBe("");
    }
  });
});

describe("a progress line", () => {
  it("is one line of the terminal's width, drawn at most ten times a second", () => {
    let now_ms = 0;
    let text = "";
    const line = progressLine({ write: (part) => void (text += part) }, 10, () => now_ms);
    line.update("first\nline \u001b that is long");
    now_ms = 50;
    line.update("too soon");
    now_ms = 100;
    line.update("second");
    line.clear();
    line.clear();
    expect(text).toBe("\r\u001b[Kfirst lin\r\u001b[Ksecond\r\u001b[K");
  });
});
