import { type Issue, type Manifest, readManifest } from "../../src/index.js";

/** A small manifest as text, with other layers, run fields and top-level lines. */
export function manifestText({
  layers = "- { type: LinearLayer, d_in: 8, d_out: 8 }",
  train = "",
  top = "",
  model = "",
}: {
  readonly layers?: string;
  readonly train?: string;
  readonly top?: string;
  readonly model?: string;
} = {}): string {
  const indented = (text: string, by: number): string => text.trim().replaceAll("\n", `\n${" ".repeat(by)}`);
  return `version: 2
name: test
defaults: {}
${top}
targets:
  - type: experiment
    name: exp
    backend: torch
    task: task.language_modeling
    data: { ref: dataset.tokens, config: { path: x.npy, block_size: 4 } }
    system:
      ref: system.language_model
      config:
        model:
          type: TransformerModel
          ${indented(model, 10)}
          topology:
            type: StackedTopology
            layers:
              ${indented(layers, 14)}
    objective: objective.next_token_ce
    trainer: trainer.standard
    runs:
      - id: a
        mode: train
        steps: 10
        train:
          phase: standard
          batch_size: 2
          block_size: 4
          lr: 1e-3
          ${indented(train, 10)}
`;
}

/** The manifest, or an error with all issues. */
export function good(text: string, set?: Readonly<Record<string, unknown>>): Manifest {
  const read = readManifest(text, { set });
  if (read.status === "ok") return read.manifest;
  throw new Error(read.issues.map(({ line, column, message }) => `${line}:${column} ${message}`).join("\n"));
}

/** The issues of a text that has some. */
export function issuesOf(text: string, set?: Readonly<Record<string, unknown>>): readonly Issue[] {
  const read = readManifest(text, { set });
  if (read.status === "invalid") return read.issues;
  throw new Error("expected issues, found a good manifest");
}

/** Codes with the text at their place: `unknown_key at d_fff`. */
export function told(text: string): readonly string[] {
  return issuesOf(text).map(
    ({ code, offset = 0 }) => `${code} at ${/^[^\s,:}\]]*/.exec(text.slice(offset))?.[0] ?? ""}`,
  );
}
