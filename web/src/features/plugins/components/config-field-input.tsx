import { NumberInput, Select, Switch, TextInput } from '@mantine/core';
import type { ConfigField, ConfigScalar } from '@omniroute/shared/plugin-config';
import { SecretInput } from '../../../components/ui/secret-input.tsx';

interface ConfigFieldInputProps {
  name: string;
  field: ConfigField;
  value: ConfigScalar;
  /** Whether the service keeps a value of this secret. */
  stored: boolean;
  problem: string | undefined;
  onChange: (value: ConfigScalar) => void;
}

export function ConfigFieldInput({ name, field, value, stored, problem, onChange }: ConfigFieldInputProps) {
  const described = description(field);
  const common = {
    label: name,
    error: problem,
    ...(described === '' ? {} : { description: described }),
  };
  if (field.type === 'boolean') {
    return (
      <Switch
        {...common}
        checked={value === true}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
    );
  }
  if (field.secret === true) {
    return <SecretInput {...common} value={String(value)} stored={stored} onChange={onChange} />;
  }
  if (field.enum !== undefined) {
    const choices = field.enum;
    return (
      <Select
        {...common}
        data={choices.map(String)}
        value={value === '' ? null : String(value)}
        clearable={field.default === undefined}
        allowDeselect={false}
        onChange={(chosen) => onChange(choices.find((choice) => String(choice) === chosen) ?? '')}
      />
    );
  }
  if (field.type === 'number') {
    return (
      <NumberInput
        {...common}
        value={typeof value === 'boolean' ? '' : value}
        placeholder={field.default === undefined ? '' : String(field.default)}
        onChange={onChange}
      />
    );
  }
  return (
    <TextInput
      {...common}
      value={String(value)}
      spellCheck={false}
      autoComplete="off"
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

function description({ description: words, type, min, max, default: preset, secret }: ConfigField): string {
  const unit = type === 'number' ? '' : ' characters';
  const bounds =
    min !== undefined && max !== undefined
      ? `${min} to ${max}${unit}`
      : min !== undefined
        ? `At least ${min}${unit}`
        : max !== undefined
          ? `At most ${max}${unit}`
          : '';
  const defaultWords =
    preset === undefined || preset === '' || secret === true ? '' : `Default: ${defaultName(preset)}`;
  return [words ?? '', bounds, defaultWords]
    .filter((part) => part !== '')
    .map((part) => (/[.!?]$/.test(part) ? part : `${part}.`))
    .join(' ');
}

function defaultName(preset: ConfigScalar): string {
  return typeof preset === 'boolean' ? (preset ? 'on' : 'off') : String(preset);
}
