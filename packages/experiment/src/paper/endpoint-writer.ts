import { ExperimentError } from "../errors.js";
import { proseParts } from "./numbers.js";
import type { PaperProse, PaperWriter, WriterRequest } from "./writer.js";

/** An endpoint that answers like OpenAI's chat completions. */
export interface EndpointOptions {
  /** Such as `http://127.0.0.1:8080/v1`. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token; in no message and no file. */
  readonly key?: string;
  /** How long the whole answer may take, in milliseconds; two minutes by default. */
  readonly timeout_ms?: number;
  readonly signal?: AbortSignal;
}

/** Longer answers are no paper. */
const LARGEST_ANSWER_BYTES = 4 * 2 ** 20;

/**
 * A language model writes the prose. It is given the facts and nothing else, and every number it writes must be one of
 * them, rounded as it likes: otherwise the text is refused (`writer_failed`) with the numbers nobody measured. Numbers in
 * words (three, half) are not looked at.
 */
export function endpointWriter(options: EndpointOptions): PaperWriter {
  return {
    name: `the language model ${options.model}`,
    async write(request) {
      const text = await ask(options, request);
      const { key, model } = options;
      if (key !== undefined && key !== "" && text.includes(key))
        throw failed(`${model} wrote down the key it is asked with`);
      const prose = readProse(text);
      const strange = unknownNumbers(prose, request);
      if (strange.length > 0) {
        throw failed(`${model} wrote numbers that no artifact has: ${strange.slice(0, 8).join(", ")}`, {
          details: { numbers: strange },
        });
      }
      return prose;
    },
  };
}

function failed(message: string, options?: ConstructorParameters<typeof ExperimentError>[2]): ExperimentError {
  return new ExperimentError("writer_failed", message, options);
}

async function ask(options: EndpointOptions, request: WriterRequest): Promise<string> {
  const { url, model, key, signal, timeout_ms = 120_000 } = options;
  const place = placeOf(url);
  // The platform's own complaint about a header would have the key in it.
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw failed("the key has characters that a header cannot have; it is one word");
  }
  const limit = AbortSignal.timeout(timeout_ms);
  let text: string;
  try {
    const response = await fetch(`${url.replace(/\/$/, "")}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model, temperature: 0, messages: [{ role: "user", content: questionOf(request) }] }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    if (!response.ok) throw failed(`${place}: answered ${response.status}`);
    text = await bodyOf(response, place);
  } catch (cause) {
    if (cause instanceof ExperimentError) throw cause;
    signal?.throwIfAborted();
    if (limit.aborted) throw failed(`${place}: no answer within ${timeout_ms / 1000} s`, { cause });
    throw failed(`${place}: cannot be reached, or broke off`, { cause });
  }
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw failed(`${place}: the answer is no JSON`, { cause });
  }
  const content = contentOf(answer);
  if (content === undefined) throw failed(`${place}: the answer has no text`);
  return content;
}

/** An address as it may be shown: one that could have a secret in it (a password, a query) is none for this. */
function placeOf(url: string): string {
  try {
    const { origin, pathname, protocol, username, password, search, hash } = new URL(url);
    const isPlain = [username, password, search, hash].every((part) => part === "");
    if ((protocol === "http:" || protocol === "https:") && isPlain) return `${origin}${pathname}`;
  } catch {
    // Said below.
  }
  throw failed(
    "the endpoint's address is none that can be used: expected one such as http://127.0.0.1:8080/v1, without a user, a password or a query",
  );
}

async function bodyOf(response: Response, place: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    const bytes = chunk as Uint8Array;
    length += bytes.length;
    if (length > LARGEST_ANSWER_BYTES) throw failed(`${place}: the answer has more than ${LARGEST_ANSWER_BYTES} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** `choices[0].message.content` of an answer, where it is a text. */
function contentOf(answer: unknown): string | undefined {
  const at = (value: unknown, key: string | number): unknown =>
    typeof value === "object" && value !== null
      ? (value as Readonly<Record<string | number, unknown>>)[key]
      : undefined;
  const content = at(at(at(at(answer, "choices"), 0), "message"), "content");
  return typeof content === "string" ? content : undefined;
}

function questionOf({ name, notes, goal, facts }: WriterRequest): string {
  return [
    `Write a short paper about "${name}". ${notes} ${goal}`.trim(),
    'Answer with JSON alone: {"title": text, "abstract": text, "sections": [{"heading": text, "text": text}]}.',
    "Plain text, no markup. Use only these facts, and no number that is not among them; you may round to two or more",
    "significant digits. Write no percentages, no sums, differences or ratios of your own.",
    ...facts.facts.map(({ target, what, value }) => `${target}: ${what} = ${value}`),
    ...facts.statements.map(({ target, text }) => `${target}: ${text}`),
  ].join("\n");
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
  throw failed("the language model did not answer with title, abstract and sections in JSON");
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

/** The numbers of a text that no artifact has and nobody named. */
function unknownNumbers({ title, abstract, sections }: PaperProse, request: WriterRequest): string[] {
  const { name, notes, goal, facts } = request;
  const known = { facts, texts: [name, notes, goal] };
  return [title, abstract, ...sections.flatMap(({ heading, text }) => [heading, text])]
    .flatMap((text) => proseParts(text, known))
    .flatMap(({ kind, text }) => (kind === "unknown" ? [text] : []));
}
