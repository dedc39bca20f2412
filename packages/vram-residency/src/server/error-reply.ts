import type { FastifyReply, FastifyRequest } from "fastify";
import { type VramErrorCode, isVramResidencyError } from "../errors.js";

const STATUS: Readonly<Partial<Record<VramErrorCode, number>>> = {
  insufficient_vram: 507,
  cuda_allocation_failed: 507,
  seal_verification_failed: 409,
  integrity_violation: 409,
  not_sealed: 409,
  duplicate_model: 409,
  invalid_input: 400,
  worker_stopped: 503,
  disposed: 503,
  policy_violation: 503,
};

/** Answers a request that failed with the worker's code, never with what a defect of our own says. */
export async function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const correlation_id = request.id;
  if (isVramResidencyError(error)) {
    const worker = error.toWorkerError();
    const status = typeof error.details["status"] === "number" ? error.details["status"] : (STATUS[error.code] ?? 500);
    if (worker.retry_after_ms !== null) void reply.header("retry-after", Math.ceil(worker.retry_after_ms / 1000));
    const { reason } = error.details;
    return await reply
      .code(status)
      .send({ ...worker, ...(typeof reason === "string" ? { reason } : {}), correlation_id });
  }
  const { statusCode = 500, message = "" } = error as { readonly statusCode?: number; readonly message?: string };
  const ours = statusCode < 500;
  return await reply.code(ours ? statusCode : 500).send({
    code: ours ? "INVALID_PARAMS" : "INTERNAL",
    message: ours ? message : "the worker has a defect: see its log",
    retriable: false,
    retry_after_ms: null,
    correlation_id,
  });
}
