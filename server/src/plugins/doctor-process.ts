import type { PluginDetail } from '@omniroute/shared/plugin';
import type { RegisteredHook } from '../pipeline/hook-registry.ts';
import { fail, type Finding, pass, sentence, warn } from './doctor-finding.ts';
import type { PluginRecord } from './plugin-record.ts';

export type ProcessFacts = PluginDetail['process'];

interface Given {
  facts: ProcessFacts;
  startedAt: Date | null;
  /** False in safe mode, and while plugins are paused. */
  mayRun: boolean;
  /** Its hooks that requests meet, whatever its process does. */
  hooks: readonly RegisteredHook[];
}

const lookAgain = 'Run the checks again in a moment.';

/** Holds what the process does against what the operator wished for. */
export function checkProcess(record: PluginRecord, { facts, startedAt, mayRun, hooks }: Given): Finding {
  const { status, enabled } = record;
  if (!mayRun) {
    return warn(
      withEffect(
        `No plugin runs in safe mode or while plugins are paused; this one is ${enabled ? '' : 'not '}enabled.`,
        hooks,
      ),
      'Resume plugins in the settings, or start the service without OMNIROUTE_SAFE_MODE.',
    );
  }
  if (facts.state === 'running') {
    if (status === 'active') {
      return pass(
        `It runs as process ${facts.pid ?? 'unknown'}${startedAt === null ? '' : `, since ${startedAt.toISOString()}`}.`,
      );
    }
    return warn(`Its process runs, but its status is '${status}': something is being done to it.`, lookAgain);
  }
  if (facts.state === 'starting') return warn(withEffect('It is being started.', hooks), lookAgain);
  if (!enabled && status === 'installed') {
    return warn('It was never activated, so no request reaches it.', 'Activate the plugin to use it.');
  }
  if (!enabled && status === 'inactive') {
    return pass('It is switched off: no process runs, and no request reaches it.');
  }
  return fail(
    withEffect(`${stateInWords(facts, enabled)}: ${reasonOf(record, facts)}`, hooks),
    enabled
      ? 'Read its log and see to the reason, then activate it. Deactivate it if requests shall not meet its hooks.'
      : 'Read its log and see to the reason, then activate it.',
  );
}

function stateInWords({ state, nextRestartAt }: ProcessFacts, enabled: boolean): string {
  if (state === 'restarting') {
    return `It is enabled and to be restarted${nextRestartAt === undefined ? '' : ` at ${nextRestartAt}`}`;
  }
  return enabled ? 'It is enabled, but not running' : 'It could not be activated';
}

function reasonOf({ errorMessage }: PluginRecord, { lastExit }: ProcessFacts): string {
  if (lastExit === null) return sentence(errorMessage ?? 'no reason is recorded');
  const exit = sentence(lastExit.reason);
  if (errorMessage === null || sentence(errorMessage).includes(exit)) {
    return sentence(errorMessage ?? exit).replace(/\.$/, ` (${lastExit.at}).`);
  }
  return `${sentence(errorMessage)} Its last process ended at ${lastExit.at}: ${exit}`;
}

/** Says what becomes of requests while the plugin does not run. */
function withEffect(text: string, hooks: readonly RegisteredHook[]): string {
  const closed = hooks.filter(({ failure, mode }) => failure === 'closed' && mode === 'intercept');
  if (closed.length > 0) return `${text} Requests are answered with 503 now: ${names(closed)} fails closed.`;
  return hooks.length > 0 ? `${text} Requests pass without ${names(hooks)} now.` : text;
}

function names(hooks: readonly RegisteredHook[]): string {
  return hooks.map(({ name }) => name).join(', ');
}
