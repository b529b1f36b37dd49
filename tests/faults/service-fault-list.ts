import { endFaults } from './end-faults.ts';
import type { Fault } from './fault.ts';
import { clockFaults, folderFaults } from './folder-and-clock-faults.ts';
import { killFaults } from './kill-faults.ts';
import { storageFaults } from './storage-faults.ts';

/** Every fault of the service and its machine that the documentation has a row for. */
export const serviceFaults: readonly Fault[] = [
  ...killFaults,
  ...endFaults,
  ...storageFaults,
  ...folderFaults,
  ...clockFaults,
];
