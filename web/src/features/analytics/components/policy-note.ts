import type { HookCounts } from '@omniroute/shared/analytics';
import { formatNumber } from '../../../lib/format.ts';

/** What failures came to, in words; null where they came to nothing. */
export function policyNote({ bypasses, refusals }: Pick<HookCounts, 'bypasses' | 'refusals'>): string | null {
  const parts = [
    ...(bypasses > 0 ? [`${formatNumber(bypasses)} passed without it`] : []),
    ...(refusals > 0 ? [`${formatNumber(refusals)} refused`] : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}
