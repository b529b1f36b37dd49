import { Skeleton, Text } from '@mantine/core';
import type { LogLine } from '@omniroute/shared/plugin';
import { useQuery } from '@tanstack/react-query';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { formatClock, formatDateTime } from '../../../lib/format.ts';
import { pluginLogsQuery, shownLogLines } from '../api/plugin-queries.ts';
import classes from './plugin-log.module.css';

export function PluginLog({ name }: { name: string }) {
  const { data, error } = useQuery(pluginLogsQuery(name));
  return (
    <Panel
      title="Log"
      aside={
        <Text size="xs" c="dimmed">
          Last {shownLogLines} lines, live
        </Text>
      }
    >
      {data !== undefined ? (
        <LogLines lines={data.lines} />
      ) : error !== null ? (
        <FailureText message={appError(error).message} />
      ) : (
        <Skeleton h={320} radius="md" />
      )}
    </Panel>
  );
}

/** The reversed column keeps the newest line in view, until the reader scrolls up. */
function LogLines({ lines }: { lines: LogLine[] }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard
    <div className={classes['log']} role="log" aria-label="Log lines" tabIndex={0}>
      <div>
        {lines.length === 0 && <p className={classes['empty']}>The plugin has written nothing yet.</p>}
        {lines.map((line, index) => (
          <div key={`${line.time}-${index}`} className={classes['line']} data-stream={line.stream}>
            <time dateTime={line.time} title={formatDateTime(line.time)}>
              {formatClock(line.time)}
            </time>
            <span className={classes['stream']}>{line.stream}</span>
            <span className={classes['text']}>{line.text}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
