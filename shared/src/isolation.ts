import { z } from 'zod';

const isolationLayers = ['installer', 'process', 'node', 'os'] as const;
export type IsolationLayer = (typeof isolationLayers)[number];

/** What this machine really enforces for a plugin: 3 the kernel, 2 Node's permission model, 1 a process of its own. */
export const isolationSchema = z.object({
  level: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  layers: z.array(z.enum(isolationLayers)),
  /** What is not enforced, one sentence each. */
  gaps: z.array(z.string()),
});
export type Isolation = z.infer<typeof isolationSchema>;

/** What the canary tries, in its order: the last one can end its process. */
export const canaries = [
  'readFile',
  'writeFile',
  'listParent',
  'connectTcp',
  'connectUnix',
  'openSqlite',
  'readProcess',
  'spawn',
  'signal',
  'setFlag',
] as const;
export type Canary = (typeof canaries)[number];

/** `unknown`: it was not seen to work in a process that nothing confines, so that its failure proves nothing. */
const canaryResults = ['stopped', 'worked', 'unknown'] as const;
export type CanaryResult = (typeof canaryResults)[number];

/** What was seen of this machine when the canaries last ran. */
export const machineIsolationSchema = isolationSchema.extend({
  checkedAt: z.iso.datetime(),
  /** One entry for each layer by itself, and one for `all` of them together. */
  canaries: z.array(
    z.object({
      under: z.string(),
      results: z.partialRecord(z.enum(canaries), z.enum(canaryResults)),
    }),
  ),
});
export type MachineIsolation = z.infer<typeof machineIsolationSchema>;
