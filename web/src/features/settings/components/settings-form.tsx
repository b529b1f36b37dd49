import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { type Settings, type SettingsPatch, settingsSchema } from '@omniroute/shared/settings';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { Panel } from '../../../components/ui/panel.tsx';
import { SecretInput } from '../../../components/ui/secret-input.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useUpdateSettings } from '../api/use-update-settings.ts';

const keys = ['upstreamBaseUrl', 'upstreamApiKey', 'pluginMarketplaceUrl'] as const;
type Key = (typeof keys)[number];
type Values = Record<Key, string>;

export function SettingsForm({ settings }: { settings: Settings }) {
  const { mutate: update, isPending, error } = useUpdateSettings();
  const form = useForm<Values>({
    initialValues: valuesOf(settings),
    validate: (values) => Object.fromEntries(keys.map((key) => [key, problemOf(key, values[key])])),
  });

  function submit(values: Values) {
    const changed = keys.filter((key) => form.isDirty(key));
    const patch: SettingsPatch = Object.fromEntries(changed.map((key) => [key, values[key].trim() || null]));
    update(patch, {
      onSuccess: (saved) => {
        form.setInitialValues(valuesOf(saved));
        form.setValues(valuesOf(saved));
      },
    });
  }

  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Panel title="Connections">
        <Stack gap="md">
          <TextInput
            label="Upstream base URL"
            description="Where the gateway sends requests, with /v1. Empty: the built-in echo model answers. OMNIROUTE_UPSTREAM_URL wins over it."
            placeholder="https://api.openai.com/v1"
            type="url"
            {...form.getInputProps('upstreamBaseUrl')}
          />
          <SecretInput
            label="Upstream API key"
            description="Replaces the Authorization header of applications. Empty: theirs passes through."
            stored={settings.upstreamApiKey !== null}
            value={form.values.upstreamApiKey}
            error={form.errors['upstreamApiKey']}
            onChange={(value) => form.setFieldValue('upstreamApiKey', value)}
          />
          <TextInput
            label="Plugin marketplace URL"
            description="The registry document of a marketplace. Empty: the bundled catalog."
            placeholder="https://plugins.example.com/registry.json"
            type="url"
            {...form.getInputProps('pluginMarketplaceUrl')}
          />
          {error !== null && <FailureText message={appError(error).message} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" disabled={!form.isDirty() || isPending} onClick={form.reset}>
              Discard changes
            </Button>
            <Button type="submit" disabled={!form.isDirty()} loading={isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </Panel>
    </form>
  );
}

function valuesOf(settings: Settings): Values {
  return {
    upstreamBaseUrl: settings.upstreamBaseUrl ?? '',
    upstreamApiKey: settings.upstreamApiKey ?? '',
    pluginMarketplaceUrl: settings.pluginMarketplaceUrl ?? '',
  };
}

function problemOf(key: Key, text: string): string | null {
  const problem = settingsSchema.shape[key].safeParse(text.trim() || null).error?.issues[0]?.message;
  return problem === undefined ? null : `This ${problem}`;
}
