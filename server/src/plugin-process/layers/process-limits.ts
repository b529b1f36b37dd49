import { maxMemoryBytes } from '../memory-limits.ts';
import type { Detected, SandboxTools } from './layer.ts';

/** The process dies with the service, and its descriptors and memory are bounded: setpriv and prlimit of util-linux. */
export function detectProcessLimits({ setpriv, prlimit }: SandboxTools): Detected {
  const limits = prlimit ? [prlimit, '--nofile=256', '--core=0', `--data=${maxMemoryBytes}`, '--'] : [];
  const death = setpriv ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
  return {
    layer: {
      name: 'process limits',
      kind: 'process',
      stops: [],
      holdsChildren: false,
      forks: false,
      wrap: (argv) => [...death, ...limits, ...argv],
    },
    gaps: [
      ...(prlimit
        ? []
        : [
            'Its descriptors and its memory outside the JavaScript heap are not limited: prlimit is missing.',
          ]),
      ...(setpriv ? [] : ['In an endless loop it can outlive a service that is killed: setpriv is missing.']),
    ],
  };
}
