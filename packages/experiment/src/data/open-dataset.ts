import { writeWhole } from "@vrx/ant-ratio/report";
import type { Data, DataConfig } from "@vrx/manifest";
import { readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { ExperimentError } from "../errors.js";
import { type DataLimits, anyValues, checkFinite, checkIds, checkLabels } from "./check-values.js";
import type { DataFile, Dataset } from "./dataset.js";
import { exists, readWhole } from "./files.js";
import {
  type ClassesRecipe,
  type Generated,
  type GraphRecipe,
  type MixtureRecipe,
  type TokensRecipe,
  generateClasses,
  generateGraph,
  generateMixture,
  generateTokens,
} from "./generate.js";
import { type HostArray, readNpy, writeNpy } from "./npy.js";
import { prepareText } from "./prepare-text.js";
import { readSafetensors } from "./safetensors.js";
import { addDiffusionNoise, applyTransforms, graphDataset, sampleDataset } from "./sample-dataset.js";
import { randomTokenDataset, readTokenText, tokenDataset } from "./token-dataset.js";

/** Where data is looked for, and what may be made of it. */
export interface OpenDatasetOptions {
  /** Paths of the manifest are relative to this folder. */
  readonly root: string;
  readonly val_frac: number;
  /** The tokenizer of texts whose recipe names none (`defaults.data.tokenizer`); `byte` by default. */
  readonly tokenizer?: string;
  /** What the data may hold; anything by default. */
  readonly limits?: DataLimits;
  /** Recipes for data that has none of its own in the manifest (`--data generate`), by role. */
  readonly fallback?: Partial<Recipes>;
}

/** How data of each kind is generated. */
export interface Recipes {
  readonly tokens: TokensRecipe;
  readonly classes: ClassesRecipe;
  readonly graph: GraphRecipe;
  readonly mixture: MixtureRecipe;
}

/**
 * Opens the dataset of a target, and makes its files where they are not there and the manifest, or `fallback`, says how.
 * Generated files carry a note of their recipe beside them: where it is the manifest's, the floor of their loss is known.
 */
export async function openDataset(data: Data, options: OpenDatasetOptions): Promise<Dataset> {
  if (data.impl !== null) throw new ExperimentError("unsupported", `${data.impl}: data of your own needs a worker`);
  const { val_frac, fallback = {}, limits = anyValues } = options;
  const at = (path: string): string => (isAbsolute(path) ? path : resolve(options.root, path));
  const name = data.ref;
  switch (data.ref) {
    case "dataset.tokens":
      return openTokens(data.config, options, at);
    case "dataset.random_tokens":
      return randomTokenDataset({ ...data.config, val_frac });
    case "dataset.npy_supervised": {
      const { x_path, y_path } = data.config;
      const recipe = data.config.prepare ?? fallback.classes;
      const made = await prepared({ x_path: at(x_path), y_path: at(y_path) }, recipe, () =>
        generateClasses(needed(recipe)),
      );
      const [x, y] = [await array(at(x_path)), await array(at(y_path))];
      checkLabels(y.array, limits, y.file.path);
      const arrays = { inputs: floats(x.array), targets: y.array };
      return sampleDataset({ arrays, val_frac, files: [x.file, y.file], name, ...referenceOf(made) });
    }
    case "dataset.graph_npy": {
      const { x_path, adj_path, labels_path, train_mask_path, val_mask_path, add_self_loops } = data.config;
      const recipe = data.config.prepare ?? fallback.graph;
      const paths = { x_path: at(x_path), adj_path: at(adj_path), labels_path: at(labels_path) };
      const masks = Object.fromEntries(
        Object.entries({ train_mask_path, val_mask_path }).flatMap(([role, path]) =>
          path === null ? [] : [[role, at(path)] as const],
        ),
      );
      const made = await prepared({ ...paths, ...masks }, recipe, () => generateGraph(needed(recipe)));
      const [x, adjacency, labels] = [
        await array(paths.x_path),
        await array(paths.adj_path),
        await array(paths.labels_path),
      ];
      checkLabels(labels.array, limits, labels.file.path);
      const mask = async (path: string | null): Promise<HostArray | null> =>
        path === null ? null : (await array(at(path))).array;
      return graphDataset({
        x: x.array,
        adjacency: adjacency.array,
        labels: labels.array,
        train_mask: await mask(train_mask_path),
        val_mask: await mask(val_mask_path),
        add_self_loops,
        val_frac,
        files: [x.file, adjacency.file, labels.file],
        name,
        ...referenceOf(made),
      });
    }
    case "dataset.diffusion_vector": {
      const { x_path, timesteps } = data.config;
      const recipe = data.config.prepare ?? fallback.mixture;
      const made = await prepared({ x_path: at(x_path) }, recipe, () => generateMixture(needed(recipe), timesteps));
      const x = await array(at(x_path));
      const transform = addDiffusionNoise(timesteps);
      return sampleDataset({
        arrays: { x: floats(x.array) },
        val_frac,
        files: [x.file],
        name,
        transform,
        ...referenceOf(made),
      });
    }
    case "dataset.tensors": {
      const { files, safetensors_tensors, transforms } = data.config;
      const opened = await Promise.all(
        Object.entries(files).map(
          async ([key, path]) => [key, await array(at(path), safetensors_tensors[key])] as const,
        ),
      );
      const arrays = Object.fromEntries(opened.map(([key, { array: values }]) => [key, values]));
      const transform = applyTransforms(transforms);
      return sampleDataset({ arrays, val_frac, files: opened.map(([, { file }]) => file), name, transform });
    }
  }
}

async function openTokens(
  config: DataConfig<"dataset.tokens">,
  { root, val_frac, fallback, tokenizer = "byte", limits = anyValues }: OpenDatasetOptions,
  at: (path: string) => string,
): Promise<Dataset> {
  const path = at(config.path);
  let generated: Generated | undefined;
  const recipe = config.prepare ?? fallback?.tokens;
  if (recipe?.type === "generate") generated = await prepared({ path }, recipe, () => generateTokens(recipe));
  else if (recipe !== undefined && !(await exists(path))) {
    if (recipe.type === "fineweb") {
      throw new ExperimentError(
        "unsupported",
        `${path} is not there, and prepare: fineweb needs a network; --data generate does not`,
      );
    }
    await prepareText(path, recipe, { root, at, tokenizer });
  }
  const { tokens, file } = await readTokens(path);
  checkIds(tokens, limits, path);
  const { block_size } = config;
  const common = { tokens, block_size, val_frac, files: [file], name: path };
  return tokenDataset(generated === undefined ? common : { ...common, generated });
}

/** The token ids of a file: .npy of whole numbers, or .tokens and .txt with numbers. */
export async function readTokens(path: string): Promise<{ readonly tokens: Int32Array; readonly file: DataFile }> {
  const { bytes, file } = await readWhole(path);
  if (/\.(tokens|txt)$/i.test(path)) return { tokens: readTokenText(bytes.toString("latin1"), path), file };
  const { data } = readNpy(bytes, path);
  if (!(data instanceof Int32Array))
    throw new ExperimentError("invalid_data", `${path}: expected whole numbers, found fractions`);
  return { tokens: data, file };
}

/** Makes the files of a recipe where one of them is not there; gives what is known of those that follow it. */
async function prepared(
  paths: Readonly<Record<string, string>>,
  recipe: object | undefined,
  make: () => Generated,
): Promise<Generated | undefined> {
  if (recipe === undefined) return undefined;
  const note = `${Object.values(paths)[0] ?? ""}.recipe.json`;
  const text = `${JSON.stringify(recipe)}\n`;
  const there = await Promise.all(Object.values(paths).map(exists));
  if (there.every(Boolean)) {
    // Files of another recipe, or of someone else, are data like any other: nothing is known of their floor.
    const found = await readFile(note, "utf8").catch(() => null);
    return found === text ? make() : undefined;
  }
  if (there.some(Boolean)) {
    const lacking = Object.values(paths).filter((_, i) => there[i] !== true);
    throw new ExperimentError(
      "missing_file",
      `${lacking.join(", ")}: not there, though the files beside are; nothing was generated`,
    );
  }
  const generated = make();
  for (const [role, path] of Object.entries(paths)) {
    const values = generated.arrays[role];
    if (values !== undefined) await writeWhole(path, writeNpy(values));
  }
  await writeWhole(note, text);
  return generated;
}

async function array(path: string, tensor?: string): Promise<{ readonly array: HostArray; readonly file: DataFile }> {
  const { bytes, file } = await readWhole(path);
  if (!path.endsWith(".safetensors")) {
    const values = readNpy(bytes, path);
    checkFinite(values, path);
    return { array: values, file };
  }
  const { tensors } = readSafetensors(bytes, path);
  const name = tensor ?? (tensors.size === 1 ? [...tensors.keys()][0] : undefined);
  const found = name === undefined ? undefined : tensors.get(name);
  if (found !== undefined) {
    checkFinite(found, `${path}: ${name ?? ""}`);
    return { array: found, file };
  }
  const choice = [...tensors.keys()].slice(0, 8).join(", ");
  throw new ExperimentError("missing_key", `${path}: say which tensor in safetensors_tensors; there are ${choice}`);
}

function floats(values: HostArray): HostArray {
  return { shape: values.shape, data: Float32Array.from(values.data) };
}

function referenceOf(generated: Generated | undefined): Partial<Pick<Generated, "reference">> {
  return generated === undefined ? {} : { reference: generated.reference };
}

function needed<T>(recipe: T | null | undefined): T {
  if (recipe === null || recipe === undefined) throw new ExperimentError("invalid_argument", "there is no recipe");
  return recipe;
}
