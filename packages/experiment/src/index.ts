export { ExperimentError, type ExperimentErrorCode, isExperimentError } from "./errors.js";
export type { Computation, Engine, EngineTensor, Executable, TensorData, Tensors } from "./engine/engine.js";
export { openJaxEngine } from "./engine/jax-engine.js";
