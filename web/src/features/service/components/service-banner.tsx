import { IconPlayerPause, IconPlugConnectedX, IconShieldExclamation } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Banner } from '../../../components/ui/banner.tsx';
import { healthQuery } from '../api/health-query.ts';

/** What is true over every status that the pages show: nothing runs, or nothing is known. */
export function ServiceBanner({ connected, paused }: { connected: boolean; paused: boolean }) {
  const { data: health } = useQuery(healthQuery());
  return (
    <div aria-live="polite">
      {!connected && (
        <Banner color="orange" icon={<IconPlugConnectedX size={18} aria-hidden />}>
          <b>Reconnecting…</b> The connection to the service is lost. What you see may be out of date.
        </Banner>
      )}
      {paused ? (
        <Banner color="yellow" icon={<IconPlayerPause size={18} aria-hidden />}>
          <b>No plugin runs: plugins are paused.</b> Resume them in Settings.
        </Banner>
      ) : (
        health?.safeMode === true && (
          <Banner color="yellow" icon={<IconShieldExclamation size={18} aria-hidden />}>
            <b>No plugin runs: safe mode.</b> Start the service without OMNIROUTE_SAFE_MODE to run plugins
            again.
          </Banner>
        )
      )}
    </div>
  );
}
