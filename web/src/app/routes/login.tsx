import { Center, Paper, Stack } from '@mantine/core';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { ProductName } from '../../components/ui/product-name.tsx';
import { LoginForm } from '../../features/auth/components/login-form.tsx';
import { safeNext } from '../../lib/safe-next.ts';
import classes from './login.module.css';

const route = getRouteApi('/login');

export function LoginRoute() {
  const { history } = useRouter();
  const { next } = route.useSearch();
  const { failure } = route.useLoaderData();
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={440} gap="lg">
        <ProductName />
        <Paper className={classes['card']} p="xl" radius="lg">
          <LoginForm
            linkFailure={failure}
            onLoggedIn={() => history.replace(safeNext(next, window.location.origin))}
          />
        </Paper>
      </Stack>
    </Center>
  );
}
