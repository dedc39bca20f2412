import { healthReply } from "./api-schemas.js";
import { residencyRegistry } from "./metrics-text.js";
import type { Sidecar } from "./sidecar-parts.js";

/** What watches the worker: health, figures, and the description of all this. */
export function addWatchRoutes({ app, manager }: Sidecar): void {
  const registry = residencyRegistry(manager);
  app.get(
    "/healthz",
    {
      schema: {
        summary: "Health of the worker; no token",
        security: [],
        response: { 200: healthReply, 503: healthReply },
      },
    },
    async (_request, reply) => {
      const { status, resident, vram_bytes_used, last_check_secs } = manager.health();
      return await reply
        .code(status === "healthy" ? 200 : 503)
        .send({ status, resident, vram_bytes_used, last_check_secs });
    },
  );
  app.get("/metrics", { schema: { summary: "Figures for Prometheus" } }, async (_request, reply) => {
    return await reply.header("content-type", registry.contentType).send(await registry.metrics());
  });
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
}
