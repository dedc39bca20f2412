import type * as fs from "node:fs/promises";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** What was done to a folder, in order: only what changes it, and what makes a change last. */
export type DiskOperation =
  | { readonly does: "mkdir"; readonly path: string }
  | { readonly does: "create"; readonly path: string }
  | { readonly does: "write"; readonly path: string; readonly bytes: Buffer; readonly append: boolean }
  | { readonly does: "sync"; readonly path: string }
  | { readonly does: "rename" | "link"; readonly from: string; readonly to: string }
  | { readonly does: "remove"; readonly path: string };

/** The functions of node:fs/promises that a store uses, which also note in `log` what they did. */
export function recording(real: typeof fs, log: DiskOperation[]): typeof fs {
  const written = (path: string, content: unknown, append: boolean): void => {
    log.push({ does: "write", path, bytes: Buffer.from(content as Uint8Array | string), append });
  };
  return {
    ...real,
    async mkdir(path: string, options?: { recursive: true }) {
      const made = await real.mkdir(path, options);
      const first = options === undefined ? path : made;
      // Each level by itself, as the system makes them.
      for (const level of first === undefined ? [] : levels(first, path)) log.push({ does: "mkdir", path: level });
      return made;
    },
    async open(path: string, flags: string) {
      const handle = await real.open(path, flags);
      if (/[wa]/.test(flags)) log.push({ does: "create", path });
      const sync = async (how: "sync" | "datasync"): Promise<void> => {
        await handle[how]();
        log.push({ does: "sync", path });
      };
      const own: Record<string, unknown> = {
        writeFile: async (content: string | Uint8Array) => {
          await handle.writeFile(content);
          written(path, content, false);
        },
        appendFile: async (content: string) => {
          await handle.appendFile(content);
          written(path, content, true);
        },
        // Of the store, it writes over a character what is there already.
        write: async (content: string, position: number) => handle.write(content, position),
        stat: () => handle.stat(),
        readFile: () => handle.readFile(),
        sync: () => sync("sync"),
        datasync: () => sync("datasync"),
        close: () => handle.close(),
      };
      return own as unknown as fs.FileHandle;
    },
    async writeFile(path: string, content: string, options?: { readonly flush?: boolean }) {
      await real.writeFile(path, content, options);
      log.push({ does: "create", path });
      written(path, content, false);
      if (options?.flush === true) log.push({ does: "sync", path });
    },
    async rename(from: string, to: string) {
      await real.rename(from, to);
      log.push({ does: "rename", from, to });
    },
    async link(from: string, to: string) {
      await real.link(from, to);
      log.push({ does: "link", from, to });
    },
    async unlink(path: string) {
      await real.unlink(path);
      log.push({ does: "remove", path });
    },
    async rm(path: string, options: { force: true }) {
      await real.rm(path, options);
      log.push({ does: "remove", path });
    },
  } as unknown as typeof fs;
}

function levels(first: string, last: string): readonly string[] {
  const all: string[] = [];
  for (let path = last; path.length >= first.length; path = dirname(path)) all.unshift(path);
  return all;
}

interface FileNode {
  readonly kind: "file";
  now: Buffer;
  /** What is on the disk for sure; null: nothing yet. */
  safe: Buffer | null;
}
interface FolderNode {
  readonly kind: "folder";
  readonly now: Map<string, DiskNode>;
  safe: Map<string, DiskNode>;
}
type DiskNode = FileNode | FolderNode;

const folderNode = (): FolderNode => ({ kind: "folder", now: new Map(), safe: new Map() });

/**
 * What a loss of power may leave of a folder. `safe`: only what was synced. `names`: every name, and of files only what was
 * synced, as after a rename that reached the disk before its content. `random`: of each change one or the other.
 */
export type PowerLoss = "safe" | "names" | "random";

/** Builds in `to` what is left of the folder `root` when the power fails after the operations of `log`. */
export function afterPowerLoss(
  log: readonly DiskOperation[],
  root: string,
  to: string,
  loss: PowerLoss,
  random: () => number,
): void {
  const top = folderNode();
  for (const operation of log) apply(top, root, operation);
  lay(top, to, loss, random);
}

function lay(node: FolderNode, to: string, loss: PowerLoss, random: () => number): void {
  mkdirSync(to, { recursive: true });
  for (const name of new Set([...node.safe.keys(), ...node.now.keys()])) {
    const [safe, now] = [node.safe.get(name), node.now.get(name)];
    const kept = safe === now || loss === "safe" ? safe : loss === "names" || random() < 0.5 ? now : safe;
    if (kept === undefined) continue;
    if (kept.kind === "folder") lay(kept, join(to, name), loss, random);
    else writeFileSync(join(to, name), contentOf(kept, loss, random));
  }
}

function contentOf({ safe, now }: FileNode, loss: PowerLoss, random: () => number): Buffer {
  if (loss !== "random" || random() < 0.3) return safe ?? Buffer.alloc(0);
  // Some of what was not synced may have reached the disk.
  const length = Math.floor(random() * (now.length + 1));
  return now.subarray(0, Math.max(length, safe?.length ?? 0));
}

function apply(top: FolderNode, root: string, operation: DiskOperation): void {
  const parts = (path: string): readonly string[] =>
    relative(root, path)
      .split("/")
      .filter((part) => part !== "");
  const find = (names: readonly string[]): DiskNode | undefined => {
    let node: DiskNode | undefined = top;
    for (const name of names) node = node?.kind === "folder" ? node.now.get(name) : undefined;
    return node;
  };
  const place = (path: string): { readonly folder: Map<string, DiskNode>; readonly name: string } | null => {
    const names = parts(path);
    const name = names.at(-1);
    const parent = find(names.slice(0, -1));
    return name === undefined || parent?.kind !== "folder" ? null : { folder: parent.now, name };
  };
  const put = (path: string, node: DiskNode): void => {
    const at = place(path);
    at?.folder.set(at.name, node);
  };
  switch (operation.does) {
    case "mkdir":
      if (find(parts(operation.path)) === undefined) put(operation.path, folderNode());
      return;
    case "create":
      if (find(parts(operation.path)) === undefined)
        put(operation.path, { kind: "file", now: Buffer.alloc(0), safe: null });
      return;
    case "write": {
      const node = find(parts(operation.path));
      if (node?.kind === "file")
        node.now = operation.append ? Buffer.concat([node.now, operation.bytes]) : operation.bytes;
      return;
    }
    case "sync": {
      const node = find(parts(operation.path));
      if (node?.kind === "file") node.safe = node.now;
      if (node?.kind === "folder") node.safe = new Map(node.now);
      return;
    }
    case "remove": {
      const at = place(operation.path);
      at?.folder.delete(at.name);
      return;
    }
    case "rename":
    case "link": {
      const node = find(parts(operation.from));
      if (node !== undefined) put(operation.to, node);
      const at = place(operation.from);
      if (operation.does === "rename") at?.folder.delete(at.name);
    }
  }
}
