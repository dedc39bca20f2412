import { createReadStream } from "node:fs";
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliError } from "../frame/cli-error.js";
import { isSystemError, systemReason } from "../frame/failures.js";
import { readInput } from "./read-input.js";

/** Where a sidecar is, as its clients' options say. */
export interface SidecarPlace {
  readonly socket: string | undefined;
  readonly url: string | undefined;
  readonly "token-file": string | undefined;
}

/** What a sidecar answered: a status of HTTP and JSON. */
export interface SidecarReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A request: JSON, the bytes of a file, or nothing. */
export interface SidecarRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly json?: unknown;
  readonly file?: { readonly path: string; readonly bytes: number };
  readonly signal?: AbortSignal;
}

const MAX_REPLY_BYTES = 64 * 2 ** 20;
const MAX_TOKEN_BYTES = 4096;

/** The socket of a sidecar that was given none. */
export function defaultSocket(): string {
  return join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), "vrx-residency.sock");
}

/** A token from a file, without the line feed that editors leave. */
export async function tokenOf(file: string): Promise<string> {
  const read = await readInput(file, MAX_TOKEN_BYTES);
  if (read.status === "failed") throw new CliError("bad_input", `${file}: ${read.reason}`);
  const token = Buffer.from(read.bytes).toString("utf8").trim();
  if (token === "" || /\s/u.test(token)) throw new CliError("bad_input", `${file}: expected one word, the token`);
  return token;
}

/** Asks a sidecar. Throws a {@link CliError} where none answers. */
export async function askSidecar(place: SidecarPlace, request: SidecarRequest): Promise<SidecarReply> {
  if (place.url !== undefined && place.socket !== undefined)
    throw new CliError("bad_arguments", "--socket and --url: give one of them");
  const token = place["token-file"] === undefined ? undefined : await tokenOf(place["token-file"]);
  const where = place.url ?? place.socket ?? defaultSocket();
  const body = request.json === undefined ? undefined : Buffer.from(JSON.stringify(request.json));
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { "content-type": "application/json", "content-length": body.length }),
    ...(request.file === undefined
      ? {}
      : { "content-type": "application/octet-stream", "content-length": request.file.bytes }),
  };
  const options = {
    method: request.method,
    headers,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  return await new Promise((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(request.signal?.aborted === true && error instanceof Error ? error : unreachable(where, error));
    const onReply = (message: IncomingMessage): void => void readReply(message).then(resolve, fail);
    let sent: ClientRequest;
    try {
      if (place.url === undefined) sent = httpRequest({ socketPath: where, path: request.path, ...options }, onReply);
      else {
        const url = new URL(request.path, place.url);
        sent = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options, onReply);
      }
    } catch (error) {
      reject(
        new CliError(
          "bad_arguments",
          `--url: expected an address such as http://127.0.0.1:8765, found ${JSON.stringify(where)}`,
          { cause: error },
        ),
      );
      return;
    }
    sent.once("error", fail);
    if (request.file === undefined) sent.end(body);
    else
      createReadStream(request.file.path)
        .once("error", (error) => sent.destroy(error))
        .pipe(sent);
  });
}

/** The reply of a request that must succeed; a {@link CliError} with the sidecar's words otherwise. */
export function requireReply(reply: SidecarReply): SidecarReply["body"] {
  if (reply.status < 400) return reply.body;
  throw new CliError("bad_environment", refusalOf(reply));
}

/** Why a sidecar refused, in its words. */
export function refusalOf({ status, body }: SidecarReply): string {
  const { code, message } = body;
  return `the sidecar refused (${typeof code === "string" ? code : `HTTP ${status}`}): ${typeof message === "string" ? message : "it does not say why"}`;
}

async function readReply(message: IncomingMessage): Promise<SidecarReply> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_REPLY_BYTES) throw new Error("the reply is too long");
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    throw new Error("the reply is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new Error("the reply is no JSON object");
  return { status: message.statusCode ?? 0, body: body as Record<string, unknown> };
}

function unreachable(where: string, error: unknown): CliError {
  const reason = isSystemError(error) ? systemReason(error) : error instanceof Error ? error.message : String(error);
  return new CliError(
    "bad_environment",
    `no sidecar answers at ${where}: ${reason}; start one with \`vrx residency serve\``,
    { cause: error },
  );
}
