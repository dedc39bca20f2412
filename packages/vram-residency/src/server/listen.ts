import { chmodSync, existsSync, lstatSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import type { FastifyInstance } from "fastify";
import { VramResidencyError } from "../errors.js";

/** Where a sidecar listens: a Unix socket that only its user may connect to, or an address and port. */
export type SidecarAddress = { readonly socket: string } | { readonly host: string; readonly port: number };

/**
 * Listens, and says where. A socket file that nobody answers on is one of a worker that is gone and is replaced; one that
 * answers, or a file of another kind, is left alone and refused with `config_error`.
 */
export async function listen(app: FastifyInstance, address: SidecarAddress): Promise<string> {
  if ("port" in address) return await app.listen({ host: address.host, port: address.port });
  const { socket } = address;
  if (existsSync(socket)) {
    if (!lstatSync(socket).isSocket())
      throw new VramResidencyError("config_error", `${socket} is a file of another kind: name another socket`);
    if (await answers(socket))
      throw new VramResidencyError("config_error", `another worker listens on ${socket}: name another socket`);
    rmSync(socket);
  }
  const mask = process.umask(0o177);
  try {
    await app.listen({ path: socket });
  } finally {
    process.umask(mask);
  }
  chmodSync(socket, 0o600);
  return socket;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection({ path });
    const end = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.once("connect", () => end(true));
    connection.once("error", () => end(false));
    connection.setTimeout(1000, () => end(true));
  });
}
