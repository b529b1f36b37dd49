import { Group, SegmentedControl, TextInput } from '@mantine/core';
import { pluginStatusSchema, type PluginSummary } from '@omniroute/shared/plugin';
import { IconSearch } from '@tabler/icons-react';
import { matchesText, type PluginFilter } from './plugin-filter.ts';
import classes from './plugin-filter-bar.module.css';

const choices = [
  { value: 'all', label: 'All' },
  { value: 'active', label: 'Active' },
  { value: 'inactive', label: 'Inactive' },
  { value: 'installed', label: 'Not activated' },
  { value: 'error', label: 'Error' },
];

export function PluginFilterBar({
  plugins,
  filter,
  onChange,
}: {
  plugins: PluginSummary[];
  filter: PluginFilter;
  onChange: (filter: PluginFilter) => void;
}) {
  const found = plugins.filter((plugin) => matchesText(plugin, filter.text));
  return (
    <Group gap="sm" mb="sm">
      <TextInput
        className={classes['search']}
        size="sm"
        type="search"
        aria-label="Search the installed plugins"
        placeholder="Search"
        leftSection={<IconSearch size={16} aria-hidden />}
        value={filter.text}
        onChange={({ currentTarget }) => onChange({ ...filter, text: currentTarget.value })}
      />
      <div className={classes['statuses']}>
        <SegmentedControl
          size="xs"
          classNames={{ root: classes['choices'] ?? '', label: classes['choice'] ?? '' }}
          aria-label="Status"
          value={filter.status ?? 'all'}
          onChange={(value) =>
            onChange({
              ...filter,
              status: pluginStatusSchema.safeParse(value).data ?? null,
            })
          }
          data={choices.map(({ value, label }) => ({
            value,
            label: `${label} ${value === 'all' ? found.length : found.filter(({ status }) => status === value).length}`,
          }))}
        />
      </div>
    </Group>
  );
}
