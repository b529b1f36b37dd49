import { Button, Loader } from '@mantine/core';
import { doctorCheckIds, type DoctorReport } from '@omniroute/shared/doctor';
import type { PluginDetail } from '@omniroute/shared/plugin';
import { IconStethoscope } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { appError } from '../../../lib/app-error.ts';
import { formatClock, formatCount } from '../../../lib/format.ts';
import { pluginDoctorQuery } from '../api/plugin-queries.ts';
import { DoctorChecks, DoctorChecksSkeleton } from './doctor-checks.tsx';
import classes from './plugin-doctor.module.css';

/** What is right and wrong with the plugin, when the operator asks. */
export function PluginDoctor({ plugin }: { plugin: PluginDetail }) {
  const { data, error, isFetching, refetch, dataUpdatedAt } = useQuery(pluginDoctorQuery(plugin.name));
  const [examined, setExamined] = useState('');
  const current = `${plugin.updatedAt} ${plugin.process.pid ?? ''}`;
  const run = () => {
    setExamined(current);
    void refetch();
  };
  const report = error === null ? data : undefined;

  return (
    <Panel
      title="Doctor"
      aside={
        <Button
          size="xs"
          variant="default"
          leftSection={
            isFetching ? (
              <Loader size={15} color="gray" aria-hidden />
            ) : (
              <IconStethoscope size={15} stroke={1.75} aria-hidden />
            )
          }
          // A disabled button would lose the focus of whoever pressed it by keyboard.
          aria-disabled={isFetching}
          onClick={isFetching ? undefined : run}
        >
          Run checks
        </Button>
      }
    >
      <p className={classes['summary']} role="status">
        {isFetching
          ? 'Running the checks…'
          : report === undefined
            ? 'Looks at its folder, plugin.json, entry file, hooks, permissions and process, and says what to do.'
            : `${summary(report)} ${moment(dataUpdatedAt, examined === current)}`}
      </p>
      {report !== undefined ? (
        <DoctorChecks checks={report.checks} busy={isFetching} />
      ) : isFetching ? (
        <DoctorChecksSkeleton rows={doctorCheckIds.length} />
      ) : (
        error !== null && <FailureText message={appError(error).message} />
      )}
    </Panel>
  );
}

function summary({ checks }: DoctorReport): string {
  const failed = checks.filter(({ result }) => result === 'fail').length;
  const warnings = checks.filter(({ result }) => result === 'warn').length;
  if (failed + warnings === 0) return `All ${checks.length} checks pass.`;
  const parts = [
    ...(failed > 0 ? [`${formatCount(failed, 'check')} failed`] : []),
    ...(warnings > 0 ? [formatCount(warnings, 'warning')] : []),
  ];
  return `${parts.join(', ')}.`;
}

function moment(at: number, isCurrent: boolean): string {
  const clock = formatClock(new Date(at).toISOString());
  return isCurrent
    ? `Checked at ${clock}.`
    : `Checked at ${clock}; the plugin has changed since. Run the checks again.`;
}
