import { Skeleton, Text } from '@mantine/core';
import type { PluginOverview } from '@omniroute/shared/analytics';
import { useQuery } from '@tanstack/react-query';
import { formatLatency, formatNumber } from '../../../lib/format.ts';
import { overviewQuery } from '../api/analytics-queries.ts';
import classes from './plugin-figures.module.css';
import { policyNote } from './policy-note.ts';

/** A plugin's last hour in three numbers. */
export function PluginFigures({ name }: { name: string }) {
  const { data, isError } = useQuery(overviewQuery());
  if (data === undefined) {
    return isError ? <Nothing text="Calls are not known" /> : <FiguresSkeleton />;
  }
  const figures = data.plugins.find((plugin) => plugin.name === name);
  const isQuiet = figures === undefined || figures.calls + figures.bypasses + figures.refusals === 0;
  return isQuiet ? <Nothing text="No calls in the last hour" /> : <Figures figures={figures} />;
}

function Figures({ figures }: { figures: PluginOverview }) {
  const { calls, errors, p95Ms } = figures;
  const note = policyNote(figures);
  return (
    <div className={classes['box']}>
      <dl className={classes['figures']} aria-label="Calls in the last hour">
        <div>
          <dt>Calls, last hour</dt>
          <dd>{formatNumber(calls)}</dd>
        </div>
        <div data-tone={errors > 0 ? 'error' : undefined}>
          <dt>Errors</dt>
          <dd>{formatNumber(errors)}</dd>
        </div>
        <div>
          <dt>p95</dt>
          <dd>{formatLatency(p95Ms)}</dd>
        </div>
      </dl>
      {note !== null && <p className={classes['note']}>{note}</p>}
    </div>
  );
}

function Nothing({ text }: { text: string }) {
  return (
    <div className={classes['box']}>
      <Text size="xs" c="dimmed" className={classes['nothing']}>
        {text}
      </Text>
    </div>
  );
}

function FiguresSkeleton() {
  return (
    <div className={classes['box']} aria-busy aria-label="Loading the calls">
      <div className={classes['figures']}>
        {['calls', 'errors', 'p95'].map((figure) => (
          <Skeleton key={figure} h={34} />
        ))}
      </div>
    </div>
  );
}
