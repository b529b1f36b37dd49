import { PageHeader } from '../../components/ui/page-header.tsx';
import { SettingsPanels } from '../../features/settings/components/settings-panels.tsx';

export function SettingsRoute() {
  return (
    <>
      <title>Settings · OmniRoute Plugins</title>
      <PageHeader title="Settings" description="Kept in the database of this service." />
      <SettingsPanels />
    </>
  );
}
