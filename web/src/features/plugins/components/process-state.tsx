import type { PluginSummary } from '@omniroute/shared/plugin';
import { useSecondsUntil } from '../../../lib/use-seconds-until.ts';
import classes from './process-state.module.css';

/** No wait for a restart is longer. */
const maxWaitSeconds = 30;

/** The state of a plugin's process in words, with the time until its next start counting down. */
export function ProcessState({ process }: { process: PluginSummary['process'] }) {
  const seconds = useSecondsUntil(process.nextRestartAt, maxWaitSeconds);
  if (process.state !== 'restarting' || seconds === null) return process.state;
  return (
    <>
      restarting in <span className={classes['seconds']}>{seconds}</span> s
    </>
  );
}
