import type { MachineIsolation } from '@omniroute/shared/isolation';
import { CanaryTargets } from './canary-targets.ts';
import { gapsOf, isEscape, isHeld, judge, levelOf, unusable } from './judge-canaries.ts';
import type { Detected, Layer } from './layers/layer.ts';
import { runCanary } from './run-canary.ts';

interface Probed {
  /** Those that work here, the innermost first: what plugins are started under. */
  layers: Layer[];
  isolation: Omit<MachineIsolation, 'checkedAt'>;
}

/**
 * Lets canaries loose: one that nothing confines, to see that its targets can be reached; one under each layer by
 * itself, so that none looks good for what another one does; and one under all of them. A layer that does not work,
 * or lets something of its own pass, is left out, and said to be.
 */
export async function probeIsolation(detected: readonly Detected[]): Promise<Probed> {
  const found = detected.flatMap(({ layer }) => layer ?? []);
  const limits = found.filter(({ kind }) => kind === 'process');
  const tested = found.filter(({ kind }) => kind !== 'process');
  await using targets = await CanaryTargets.plant();
  const [control, underAll, ...underEach] = await Promise.all([
    runCanary(targets, []),
    runCanary(targets, found),
    ...tested.map(async (layer) => ({ layer, outcome: await runCanary(targets, [layer, ...limits]) })),
  ]);
  const each = underEach.map(({ layer, outcome }) => ({
    layer,
    verdict: judge(control, outcome, layer.name),
  }));
  const all = judge(control, underAll, 'all');
  const good = each.filter(({ layer, verdict }) => layer.kind === 'node' || !isEscape(layer, verdict));
  const allWorks = good.length === each.length && all.failure === null;
  const kept = allWorks ? good : good.filter(({ layer }) => layer.kind === 'node');
  const shown = allWorks ? all : kept.find(({ layer }) => layer.kind === 'node')?.verdict;
  const level = levelOf(kept, allWorks ? all : null);
  const held = kept.filter(isHeld).map(({ layer }) => layer.kind);
  return {
    layers: found.filter((layer) => layer.kind === 'process' || kept.some((one) => one.layer === layer)),
    isolation: {
      level,
      layers: ['installer', 'process', ...held],
      gaps: [
        ...each
          .filter((one) => !kept.includes(one))
          .map(({ layer, verdict }) => unusable(layer, verdict, all)),
        ...detected.flatMap(({ gaps }) => gaps),
        ...gapsOf(shown),
      ],
      canaries: [...each.map(({ verdict }) => verdict), all].map(({ under, results }) => ({
        under,
        results,
      })),
    },
  };
}
