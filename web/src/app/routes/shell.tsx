import { AppShell, Burger, Button, Container, Group, Stack } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconLogout, IconPlug, IconSettings } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useMatchRoute } from '@tanstack/react-router';
import { ColorSchemeControl } from '../../components/ui/color-scheme-control.tsx';
import { ProductName } from '../../components/ui/product-name.tsx';
import { useLogOut } from '../../features/auth/api/use-log-out.ts';
import { ServiceBanner } from '../../features/service/components/service-banner.tsx';
import { ServiceVersion } from '../../features/service/components/service-version.tsx';
import { settingsQuery } from '../../features/settings/api/settings-query.ts';
import { LiveUpdates, useConnected } from '../live-updates.tsx';
import classes from './shell.module.css';

export function ShellRoute() {
  return (
    <LiveUpdates>
      <Shell />
    </LiveUpdates>
  );
}

function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false);
  return (
    <AppShell
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
    >
      <a className="skip-link" href="#main">
        Skip to the content
      </a>
      <AppShell.Header hiddenFrom="sm" className={classes['header']}>
        <Group h="100%" px="md" justify="space-between">
          <ProductName />
          <Burger opened={opened} onClick={toggle} size="sm" aria-label="Navigation" aria-expanded={opened} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar
        className={classes['navbar']}
        p="md"
        aria-label="Main"
        data-closed={!opened || undefined}
      >
        <Navigation onNavigate={close} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} className={classes['main']}>
        <Banners />
        <Container size={1120} px={{ base: 'md', md: 'xl' }} py="xl">
          <Outlet />
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}

function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const onPluginPage = useMatchRoute()({ to: '/plugins/$name' }) !== false;
  return (
    <Stack h="100%" justify="space-between" gap="md">
      <Stack gap="lg">
        <div className={classes['product']}>
          <ProductName />
        </div>
        <Stack gap={2}>
          <Link
            to="/"
            className={classes['link']}
            activeOptions={{ exact: true, includeSearch: false }}
            data-section={onPluginPage || undefined}
            onClick={onNavigate}
          >
            <IconPlug size={18} stroke={1.75} aria-hidden />
            Installed
          </Link>
          <Link to="/settings" className={classes['link']} onClick={onNavigate}>
            <IconSettings size={18} stroke={1.75} aria-hidden />
            Settings
          </Link>
        </Stack>
      </Stack>
      <Stack gap="sm">
        <ColorSchemeControl />
        <LogOutButton />
        <ServiceVersion />
      </Stack>
    </Stack>
  );
}

function LogOutButton() {
  const { mutate: logOut, isPending } = useLogOut();
  return (
    <Button
      variant="default"
      size="xs"
      leftSection={<IconLogout size={15} aria-hidden />}
      loading={isPending}
      onClick={() => logOut()}
    >
      Log out
    </Button>
  );
}

function Banners() {
  const connected = useConnected();
  const { data: settings } = useQuery(settingsQuery());
  return <ServiceBanner connected={connected} paused={settings?.pluginsPaused ?? false} />;
}
