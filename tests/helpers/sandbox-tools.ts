import { findSandboxTools } from '@omniroute/server/plugin-process/layers/find-tools';
import type { SandboxTools } from '@omniroute/server/plugin-process/layers/layer';

/** This machine without bubblewrap: level 2. */
export function withoutBubblewrap(): SandboxTools {
  return { ...findSandboxTools(), bwrap: null };
}
