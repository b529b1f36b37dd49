import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { PluginFigures } from '../../features/analytics/components/plugin-figures.tsx';
import { InstalledPlugins } from '../../features/plugins/components/installed-plugins.tsx';
import type { PluginFilter } from '../../features/plugins/components/plugin-filter.ts';

const route = getRouteApi('/shell/');

/** The filter is kept in the address, so that a reload and a bookmark keep it; navigation is too slow to type against. */
export function InstalledRoute() {
  const { q = '', status = null } = route.useSearch();
  const [filter, setFilter] = useState<PluginFilter>({ text: q, status });
  const navigate = route.useNavigate();

  function change({ text, status: chosen }: PluginFilter) {
    setFilter({ text, status: chosen });
    void navigate({
      search: { ...(text === '' ? {} : { q: text }), ...(chosen === null ? {} : { status: chosen }) },
      replace: true,
    });
  }

  return (
    <InstalledPlugins
      filter={filter}
      onFilterChange={change}
      figuresOf={(name) => <PluginFigures name={name} />}
    />
  );
}
