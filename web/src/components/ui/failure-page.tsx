import { Container } from '@mantine/core';
import { useRouter } from '@tanstack/react-router';
import { appError } from '../../lib/app-error.ts';
import { ErrorState } from './error-state.tsx';

export function FailurePage({ error }: { error: unknown }) {
  const router = useRouter();
  return (
    <Container size="sm" py="xl">
      <ErrorState
        title="This page could not be shown"
        message={appError(error).message}
        retrying={false}
        onRetry={() => void router.invalidate()}
      />
    </Container>
  );
}
