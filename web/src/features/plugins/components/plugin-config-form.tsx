import { Button, Group, Stack, Text } from '@mantine/core';
import type { PluginConfigOutput } from '@omniroute/shared/plugin';
import { type ConfigScalar, secretMask } from '@omniroute/shared/plugin-config';
import { useState } from 'react';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { appError } from '../../../lib/app-error.ts';
import { useUpdatePluginConfig } from '../api/use-update-plugin-config.ts';
import { ConfigFieldInput } from './config-field-input.tsx';
import { configProblemsOf } from './config-problems-of.ts';
import { configToStore, configValues, defaultValues, sameValues, valueProblems } from './config-values.ts';

/** The operator's edits lie over the current config; without any, the form follows what the service has. */
export function PluginConfigForm({ name, current }: { name: string; current: PluginConfigOutput }) {
  const { configSchema: schema, config, effective } = current;
  const saved = configValues(schema, effective);
  const defaults = defaultValues(schema);
  const [edited, setEdited] = useState<ReadonlyMap<string, ConfigScalar>>(new Map());
  const [problems, setProblems] = useState<ReadonlyMap<string, string>>(new Map());
  const { mutate: update, isPending, error, reset } = useUpdatePluginConfig();

  const values = new Map([...saved, ...edited]);
  const dirty = !sameValues(values, saved);
  const refusal = error === null ? null : appError(error);
  const named = configProblemsOf(refusal?.details);

  function change(key: string, value: ConfigScalar) {
    setEdited(new Map([...edited, [key, value]]));
    setProblems(new Map([...problems].filter(([other]) => other !== key)));
  }

  function discard() {
    setEdited(new Map());
    setProblems(new Map());
    reset();
  }

  function submit() {
    const found = valueProblems(schema, values);
    setProblems(found);
    if (found.size > 0) return;
    update(
      { name, config: configToStore(schema, config, values) },
      {
        // What was edited while it was being saved is still to be saved.
        onSuccess: () =>
          setEdited((now) => new Map([...now].filter(([key, value]) => values.get(key) !== value))),
        onError: (failure) => setProblems(configProblemsOf(appError(failure).details)),
      },
    );
  }

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack gap="md">
        {Object.entries(schema).map(([key, field]) => (
          <ConfigFieldInput
            key={key}
            name={key}
            field={field}
            value={values.get(key) ?? ''}
            stored={saved.get(key) === secretMask}
            problem={problems.get(key)}
            onChange={(value) => change(key, value)}
          />
        ))}
        {refusal !== null && named.size === 0 && <FailureText message={refusal.message} />}
        <Group justify="space-between" gap="xs">
          <Button
            variant="subtle"
            size="compact-sm"
            disabled={sameValues(values, defaults)}
            onClick={() => setEdited(defaults)}
          >
            Reset to defaults
          </Button>
          <Group gap="xs">
            {dirty && (
              <Text size="xs" c="dimmed">
                Not saved yet
              </Text>
            )}
            <Button variant="default" disabled={!dirty || isPending} onClick={discard}>
              Discard changes
            </Button>
            <Button type="submit" disabled={!dirty} loading={isPending}>
              Save
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  );
}
