import { Anchor, Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';

export function NotFoundPage() {
  return (
    <Stack gap="xs">
      <Title order={1}>There is no such page</Title>
      <Text c="dimmed">
        Go to the <Anchor renderRoot={(props) => <Link to="/" {...props} />}>installed plugins</Anchor>.
      </Text>
    </Stack>
  );
}
