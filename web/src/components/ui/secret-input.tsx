import { Anchor, PasswordInput, type PasswordInputProps, Text } from '@mantine/core';
import { secretMask } from '@omniroute/shared/plugin-config';

interface SecretInputProps extends Omit<PasswordInputProps, 'value' | 'onChange' | 'description'> {
  /** The mask stands for the stored value; an empty text removes it. */
  value: string;
  stored: boolean;
  description?: string | undefined;
  onChange: (value: string) => void;
}

/** A secret is never read back: it is kept, replaced or removed. */
export function SecretInput({ value, stored, description, onChange, ...props }: SecretInputProps) {
  const kept = value === secretMask;
  const removed = stored && value === '';
  return (
    <div>
      <PasswordInput
        {...props}
        {...(description === undefined ? {} : { description })}
        value={kept ? '' : value}
        placeholder={kept ? 'A value is stored. Type to replace it.' : removed ? 'Removed when you save' : ''}
        autoComplete="new-password"
        spellCheck={false}
        onChange={({ currentTarget }) =>
          onChange(currentTarget.value === '' && stored ? secretMask : currentTarget.value)
        }
      />
      {stored && (
        <Text size="xs" mt={4}>
          <Anchor component="button" type="button" size="xs" onClick={() => onChange(kept ? '' : secretMask)}>
            {kept ? 'Remove the stored value' : 'Keep the stored value'}
          </Anchor>
        </Text>
      )}
    </div>
  );
}
