import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";

/** Whether a request carries the bearer token; compared in a time that does not depend on what it carries. */
export function hasToken(request: FastifyRequest, token: string): boolean {
  const [scheme, given] = (request.headers.authorization ?? "").split(" ");
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return scheme?.toLowerCase() === "bearer" && given !== undefined && timingSafeEqual(digest(given), digest(token));
}
