import { Box } from '@mantine/core';
import type { ScanOutput } from '@omniroute/shared/plugin';
import { Notice } from '../../../components/ui/notice.tsx';
import { appError } from '../../../lib/app-error.ts';
import { formatCount } from '../../../lib/format.ts';

export function ScanResult({
  result,
  error,
  onDismiss,
}: {
  result: ScanOutput | undefined;
  error: unknown;
  onDismiss: () => void;
}) {
  return (
    <div aria-live="polite">
      {error !== null && (
        <Box mb="md">
          <Notice tone="error" onDismiss={onDismiss}>
            The scan failed: {appError(error).message}
          </Notice>
        </Box>
      )}
      {result !== undefined && (
        <Box mb="md">
          <Notice tone={result.errors.length > 0 ? 'warning' : 'info'} onDismiss={onDismiss}>
            <ScanSummary result={result} />
          </Notice>
        </Box>
      )}
    </div>
  );
}

function ScanSummary({ result: { discovered, errors } }: { result: ScanOutput }) {
  const found = `The plugins folder holds ${discovered === 0 ? 'no plugin' : formatCount(discovered, 'plugin')}`;
  if (errors.length === 0)
    return discovered === 0 ? `${found}.` : `${found}. New ones are in the list, not activated.`;
  return (
    <>
      <b>
        {found}, and {formatCount(errors.length, 'folder that is not one', 'folders that are not')}:
      </b>
      <ul>
        {errors.map(({ name, error }) => (
          <li key={name}>
            <b>{name}</b>: {error}
          </li>
        ))}
      </ul>
    </>
  );
}
