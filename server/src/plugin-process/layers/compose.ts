import { detectBubblewrap } from './bubblewrap.ts';
import type { Detected, Grants, Layer, SandboxTools } from './layer.ts';
import { detectNodePermission } from './node-permission.ts';
import { detectProcessLimits } from './process-limits.ts';

/** Every layer there is, the innermost first. */
const detectors: readonly ((tools: SandboxTools) => Detected)[] = [
  detectNodePermission,
  detectBubblewrap,
  detectProcessLimits,
];

export interface Command {
  file: string;
  args: string[];
  /** Whether the plugin's process is another than the one that is spawned: see {@link Layer.forks}. */
  forks: boolean;
}

export function detectLayers(tools: SandboxTools): Detected[] {
  return detectors.map((detect) => detect(tools));
}

/** The command line that runs Node with `args` under all of `layers`, the innermost first. */
export function composeCommand(layers: readonly Layer[], args: readonly string[], grants: Grants): Command {
  const argv = layers.reduce<readonly string[]>(
    (inner, layer) => layer.wrap(inner, grants),
    [process.execPath, ...args],
  );
  const [file = process.execPath, ...rest] = argv;
  return { file, args: rest, forks: layers.some((layer) => layer.forks) };
}
