import { getRouteApi } from '@tanstack/react-router';
import { PluginCalls } from '../../features/analytics/components/plugin-calls.tsx';
import { PluginPage } from '../../features/plugins/components/plugin-page.tsx';

const route = getRouteApi('/shell/plugins/$name');

export function PluginRoute() {
  const { name } = route.useParams();
  const navigate = route.useNavigate();
  return (
    <PluginPage
      key={name}
      name={name}
      calls={<PluginCalls name={name} />}
      onUninstalled={() => void navigate({ to: '/' })}
    />
  );
}
