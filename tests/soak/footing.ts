import { readdir, readFile, readlink } from 'node:fs/promises';
import { leavesOf } from '../helpers/processes.ts';

/** What a process holds of the machine. */
export interface Footing {
  rssBytes: number;
  /** Open descriptors without the connections of clients. */
  descriptors: number;
  connections: number;
  children: number;
}

/** Linux only. */
export async function footingOf(pid: number): Promise<Footing> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const tcp = await tcpSockets(pid);
  const targets = await Promise.all(
    (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => null)),
  );
  const open = targets.filter((target) => target !== null);
  const connections = open.filter((target) => tcp.has(target)).length;
  return {
    rssBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024,
    descriptors: open.length - connections,
    connections,
    children: (await leavesOf(pid)).length,
  };
}

/** Connections and listeners of the machine, as `/proc` names a descriptor of theirs. */
async function tcpSockets(pid: number): Promise<Set<string>> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').slice(1));
  return new Set(rows.map((row) => `socket:[${row.trim().split(/\s+/)[9] ?? ''}]`));
}
