import { Skeleton } from '@mantine/core';
import type { DoctorCheck } from '@omniroute/shared/doctor';
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import classes from './doctor-checks.module.css';

const looks = {
  pass: { word: 'Pass', Icon: IconCircleCheck },
  warn: { word: 'Warning', Icon: IconAlertTriangle },
  fail: { word: 'Failed', Icon: IconCircleX },
};

/** @param busy the checks are being made again, and these are the last ones */
export function DoctorChecks({ checks, busy }: { checks: DoctorCheck[]; busy: boolean }) {
  return (
    <ul className={classes['checks']} aria-label="Checks" aria-busy={busy}>
      {checks.map((check) => (
        <CheckRow key={check.id} check={check} />
      ))}
    </ul>
  );
}

function CheckRow({ check: { title, result, message, fix } }: { check: DoctorCheck }) {
  const { word, Icon } = looks[result];
  return (
    <li className={classes['check']} aria-label={title}>
      <span className={classes['result']} data-result={result}>
        <Icon size={17} stroke={1.75} aria-hidden />
        {word}
      </span>
      <div className={classes['words']}>
        <div className={classes['title']}>{title}</div>
        <div className={classes['message']}>{message}</div>
        {fix !== null && (
          <div>
            <b>What to do:</b> {fix}
          </div>
        )}
      </div>
    </li>
  );
}

/** As high as the rows that come, in their shortest form. */
export function DoctorChecksSkeleton({ rows }: { rows: number }) {
  return (
    <div className={classes['checks']} aria-hidden>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className={classes['check']}>
          <Skeleton h={16} w={64} mt={3} />
          <div className={classes['words']}>
            <Skeleton h={14} w={90} my={4} />
            <Skeleton h={14} w="70%" my={4} />
          </div>
        </div>
      ))}
    </div>
  );
}
