import { ExperimentError } from "../errors.js";
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

/** An endpoint that answers like OpenAI's chat completions. */
export interface EndpointOptions {
  /** Such as `http://127.0.0.1:8080/v1`. */
  readonly url: string;
  readonly model: string;
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/**
 * A language model writes the prose. It is given the facts and nothing else, and every number it writes must be one of
 * them, rounded as it likes: otherwise the text is refused (`writer_failed`) with the numbers nobody measured.
 */
export function endpointWriter(options: EndpointOptions): PaperWriter {
  return {
    name: `the language model ${options.model}`,
    async write(request) {
      const prose = readProse(await ask(options, request));
      const strange = unknownNumbers(prose, request);
      if (strange.length > 0) {
        throw new ExperimentError(
          "writer_failed",
          `${options.model} wrote numbers that no artifact has: ${strange.slice(0, 8).join(", ")}`,
          {
            details: { numbers: strange },
          },
        );
      }
      return prose;
    },
  };
}

async function ask({ url, model, key, signal }: EndpointOptions, request: WriterRequest): Promise<string> {
  const facts = request.facts.facts.map(({ target, what, value }) => `${target}: ${what} = ${value}`);
  const statements = request.facts.statements.map(({ target, text }) => `${target}: ${text}`);
  const content = [
    `Write a short paper about "${request.name}". ${request.notes} ${request.goal}`.trim(),
    'Answer with JSON alone: {"title": text, "abstract": text, "sections": [{"heading": text, "text": text}]}.',
    "Plain text, no markup. Use only these facts, and no number that is not among them; you may round.",
    ...facts,
    ...statements,
  ].join("\n");
  const response = await fetch(`${url.replace(/\/$/, "")}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model, temperature: 0, messages: [{ role: "user", content }] }),
    signal: signal ?? AbortSignal.timeout(120_000),
  }).catch((cause: unknown) => {
    throw new ExperimentError("writer_failed", `${url}: cannot be reached`, { cause });
  });
  if (!response.ok) throw new ExperimentError("writer_failed", `${url}: answered ${response.status}`);
  const answer = (await response.json()) as {
    readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[];
  };
  const text = answer.choices?.[0]?.message?.content;
  if (typeof text !== "string") throw new ExperimentError("writer_failed", `${url}: the answer has no text`);
  return text;
}

/** The prose in an answer: all of it as JSON, or what lies between its first and last brace. */
function readProse(text: string): PaperProse {
  const inside = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  for (const candidate of [text, inside]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (isProse(value)) return value;
    } catch {
      // The next candidate, or the complaint below.
    }
  }
  throw new ExperimentError(
    "writer_failed",
    "the language model did not answer with title, abstract and sections in JSON",
  );
}

function isProse(value: unknown): value is PaperProse {
  if (typeof value !== "object" || value === null) return false;
  const { title, abstract, sections } = value as Readonly<Record<string, unknown>>;
  const isSection = (one: unknown): boolean =>
    typeof one === "object" &&
    one !== null &&
    "heading" in one &&
    "text" in one &&
    typeof one.heading === "string" &&
    typeof one.text === "string";
  return (
    typeof title === "string" && typeof abstract === "string" && Array.isArray(sections) && sections.every(isSection)
  );
}

/** The numbers of a text that no fact has, at the digits they are written with; those of names and notes are known. */
export function unknownNumbers(prose: PaperProse, { name, notes, goal, facts }: WriterRequest): string[] {
  const pattern = /(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const known = [
    name,
    notes,
    goal,
    ...facts.facts.flatMap(({ target, what }) => [target, what]),
    ...facts.statements.map(({ text }) => text),
  ];
  const named = new Set(known.flatMap((text) => text.match(/\d+(?:\.\d+)?/g) ?? []));
  const text = [
    prose.title,
    prose.abstract,
    ...prose.sections.flatMap(({ heading, text: body }) => [heading, body]),
  ].join("\n");
  return (text.match(pattern) ?? []).filter((written) => {
    const plain = written.replaceAll(",", "");
    if (named.has(plain)) return false;
    const value = Number(plain);
    const decimals = /\.(\d+)/.exec(plain)?.[1]?.length ?? 0;
    const digits = plain
      .replace(/^-/, "")
      .replace(/[eE].*$/, "")
      .replace(".", "")
      .replace(/^0+/, "").length;
    return !facts.facts.some(
      (fact) =>
        fact.value === value ||
        Number(fact.value.toFixed(Math.min(20, decimals))) === value ||
        (decimals > 0 && Number(fact.value.toPrecision(Math.min(21, Math.max(1, digits)))) === value),
    );
  });
}
