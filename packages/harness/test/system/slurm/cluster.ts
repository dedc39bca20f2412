import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A whole Slurm on this host: one controller, one node with two devices, arrays of at most five tasks. */
export interface Cluster {
  readonly folder: string;
  readonly conf: string;
  startController(): Promise<void>;
  /** As a power cut ends it. */
  killController(): void;
  /** Nodes, queue, daemons and the ends of their logs, for whoever reads of a failed test. */
  describe(): string;
  /** What a command of Slurm prints. */
  ask(file: string, ...args: readonly string[]): string;
  stop(): Promise<void>;
}

/** Why no cluster can be started here; null where one can. */
export function whyNoCluster(): string | null {
  if (process.platform !== "linux") return "Slurm runs on Linux only";
  if (process.getuid?.() !== 0) return "slurmd starts jobs as root only, and this is not root";
  const missing = ["slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel"].filter(
    (name) => find(name) === null,
  );
  return missing.length === 0 ? null : `not installed: ${missing.join(", ")} (Debian: slurmctld, slurmd, slurm-client)`;
}

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), "vrx-slurm-"));
  const conf = join(folder, "slurm.conf");
  const [controller_port, node_port] = [await freePort(), await freePort()];
  for (const name of ["state", "spool", "log"]) mkdirSync(join(folder, name));
  // Two character devices that anybody may open stand for two GPUs.
  for (const name of ["gpu0", "gpu1"]) execFileSync("mknod", [join(folder, name), "c", "1", "3"]);
  const host = hostname().split(".")[0] ?? "localhost";
  writeFileSync(conf, configuration(folder, host, controller_port, node_port));
  writeFileSync(
    join(folder, "gres.conf"),
    ["gpu0", "gpu1"].map((name) => `NodeName=${host} Name=gpu File=${join(folder, name)}\n`).join(""),
  );
  writeFileSync(join(folder, "cgroup.conf"), "CgroupAutomount=no\n");

  const env = { ...process.env, SLURM_CONF: conf };
  const daemon = (name: string): ChildProcess => {
    const program = find(name);
    if (program === null) throw new Error(`${name} is not installed`);
    return spawn(program, ["-D", "-f", conf], { env, stdio: "ignore" });
  };
  const ask = (file: string, ...args: readonly string[]): string =>
    execFileSync(file, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  let controller = daemon("slurmctld");
  const answers = (): boolean => spawnSync("sinfo", ["-h", "-o", "%T"], { env, encoding: "utf8" }).status === 0;
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 150; tries++) {
      if (isSo()) return;
      await delay(200);
    }
    const log = join(folder, "log/slurmctld.log");
    throw new Error(`${what}; ${existsSync(log) ? readFileSync(log, "utf8").slice(-2000) : "no log"}`);
  };
  const node = daemon("slurmd");
  // A controller that was killed before it had saved its state numbers jobs anew, drains the node that runs one of the
  // same number and holds the job. On a cluster somebody sees to that.
  const administer = (): void => {
    const seeing = setInterval(() => {
      const show = (...args: readonly string[]): string =>
        spawnSync("scontrol", args, { env, encoding: "utf8" }).stdout;
      if (/State=\S*DRAIN/.test(show("show", "node"))) show("update", `NodeName=${host}`, "State=RESUME");
      for (const job of show("show", "job", "--oneliner").split("\n")) {
        const [, id] = /^JobId=(\d+) .*Reason=\w*requeued_held/.exec(job) ?? [];
        if (id !== undefined) show("release", id);
      }
    }, 1_000);
    seeing.unref();
    stopped.signal.addEventListener("abort", () => clearInterval(seeing));
  };
  // Also when a test is given up: what stop() does not reach any more would run for ever.
  process.once("exit", () => {
    for (const child of [node, controller]) child.kill("SIGKILL");
  });
  const stopped = new AbortController();
  const stop = async (): Promise<void> => {
    stopped.abort();
    spawnSync("scancel", ["--user=root"], { env });
    await delay(500);
    for (const child of [node, controller]) await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until("slurmctld does not answer", answers);
    await until("the node does not get ready", () => /^idle/m.test(ask("sinfo", "-h", "-o", "%T")));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    folder,
    conf,
    async startController() {
      controller = daemon("slurmctld");
      await until("slurmctld does not answer again", answers);
      administer();
    },
    killController: () => void controller.kill("SIGKILL"),
    describe: () => {
      const shown = (file: string, ...args: readonly string[]): string => {
        const { stdout, stderr } = spawnSync(file, args, { env, encoding: "utf8" });
        return `$ ${[file, ...args].join(" ")}\n${stdout}${stderr}`;
      };
      const ends = Object.entries({ slurmctld: controller, slurmd: node }).map(([name, { exitCode, signalCode }]) => {
        const log = readFileSync(join(folder, "log", `${name}.log`), "utf8");
        return `${name}: exit code ${exitCode}, signal ${signalCode}\n${log.slice(-8000)}`;
      });
      return [shown("scontrol", "show", "node"), shown("squeue", "--states=all", "--array"), ...ends].join("\n");
    },
    ask,
    stop,
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exit;
  clearTimeout(forced);
}

function configuration(folder: string, host: string, controller_port: number, node_port: number): string {
  return `ClusterName=vrxtest
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller_port}
SlurmdPort=${node_port}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
SlurmUser=root
SlurmdUser=root
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
GresTypes=gpu
MaxArraySize=5
MinJobAge=300
KillWait=2
MessageTimeout=3
ReturnToService=2
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/log/slurmctld.log
SlurmdLogFile=${folder}/log/slurmd.log
NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`;
}

/** Debian puts daemons into /usr/sbin, which is not on everybody's PATH. */
function find(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}
