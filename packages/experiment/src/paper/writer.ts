import type { Fact, PaperFacts } from "./gather-facts.js";

/** What a paper says beside its tables and figures, in plain text. */
export interface PaperProse {
  readonly title: string;
  readonly abstract: string;
  readonly sections: readonly { readonly heading: string; readonly text: string }[];
}

/** What a writer is told. */
export interface WriterRequest {
  readonly name: string;
  readonly notes: string;
  readonly goal: string;
  readonly facts: PaperFacts;
}

/** Whoever writes the prose. */
export interface PaperWriter {
  /** For the paper's note on how it came about. */
  readonly name: string;
  write(request: WriterRequest): Promise<PaperProse>;
}

/** Writes without any model: what the artifacts say, in full sentences. The same artifacts give the same text. */
export const offlineWriter: PaperWriter = {
  name: "the offline writer of vrx",
  write: ({ name, notes, goal, facts }) => {
    const targets = [...new Set(facts.facts.map(({ target }) => target))];
    const purpose = [goal, notes].filter((text) => text !== "").join(" ");
    return Promise.resolve({
      title: name,
      abstract: purpose === "" ? `Results of ${targets.join(", ")}.` : purpose,
      sections: targets.map((target) => ({
        heading: target,
        text: [
          ...sentences(facts.facts.filter((fact) => fact.target === target)),
          ...facts.statements.filter((statement) => statement.target === target).map(({ text }) => text),
        ].join(" "),
      })),
    });
  },
};

function sentences(facts: readonly Fact[]): string[] {
  const wanted = ["held-out loss", "held-out accuracy", "floor", "guessing", "perplexity"];
  return facts
    .filter(({ what }) => wanted.some((name) => what.endsWith(`: ${name}`)))
    .map(({ what, value }) => {
      const [place = "", figure = ""] = what.split(/: (?=[^:]*$)/);
      return `In ${place}, the ${figure} is ${short(value)}.`;
    });
}

/** A figure as a paper writes it: four significant digits. */
export function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}
