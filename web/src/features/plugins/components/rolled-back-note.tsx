import type { PluginSummary } from '@omniroute/shared/plugin';
import { Notice } from '../../../components/ui/notice.tsx';
import { formatDateTime } from '../../../lib/format.ts';

/** That this is not the version which was installed last, and why. */
export function RolledBackNote({ plugin: { rolledBack, version } }: { plugin: PluginSummary }) {
  if (rolledBack === undefined) return null;
  const { from, at, reason } = rolledBack;
  return (
    <Notice tone="warning">
      Back at {version}: {from} was rolled back on {formatDateTime(at)}, because{' '}
      {lowerFirst(firstLine(reason))}
    </Notice>
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1).join('');
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
