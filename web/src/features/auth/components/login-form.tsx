import { Button, Code, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { FailureText } from '../../../components/ui/failure-text.tsx';
import { appError } from '../../../lib/app-error.ts';
import { parseCredential } from '../api/parse-credential.ts';
import { useLogIn } from '../api/use-log-in.ts';

/** What to do without a working link. `linkFailure` is why the one that opened this page did not work. */
export function LoginForm({
  linkFailure,
  onLoggedIn,
}: {
  linkFailure: string | null;
  onLoggedIn: () => void;
}) {
  const { mutate: logIn, isPending, isSuccess, error } = useLogIn();
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { pasted: '' },
    validate: {
      pasted: (text) => (parseCredential(text) === null ? 'Paste a link or the token' : null),
    },
  });
  const failure = error === null ? linkFailure : appError(error).message;

  function submit({ pasted }: { pasted: string }) {
    const credential = parseCredential(pasted);
    if (credential !== null) logIn(credential, { onSuccess: onLoggedIn });
  }

  return (
    <form onSubmit={form.onSubmit(submit)} noValidate>
      <Stack gap="md">
        <Title order={1}>Log in</Title>
        {failure !== null && !isPending && <FailureText message={failure} />}
        <Text size="sm">
          The service prints a login link when it starts. For a new one, run this in the project’s folder and
          open the link that it prints:
        </Text>
        <Code block>npx -y pnpm@12 login-link</Code>
        <PasswordInput
          label="Login link or management token"
          description="A link works once, for ten minutes. The token is in the file auth-token of the data directory."
          autoComplete="off"
          spellCheck={false}
          disabled={isPending}
          key={form.key('pasted')}
          {...form.getInputProps('pasted')}
        />
        <Button type="submit" loading={isPending || isSuccess}>
          Log in
        </Button>
      </Stack>
    </form>
  );
}
