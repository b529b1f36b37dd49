import { Code, Stack, Text, Title } from '@mantine/core';
import { Panel } from '../../../components/ui/panel.tsx';
import classes from './first-plugin.module.css';

const manifest = `{
  "name": "hello",
  "version": "1.0.0",
  "hooks": { "onRequest": true }
}`;

const entry = `export function onRequest(ctx) {
  console.log('hello', ctx.model);
}`;

export function FirstPlugin() {
  return (
    <Panel>
      <Stack gap="md" p={{ base: 0, sm: 'md' }}>
        <div>
          <Title order={2}>No plugin is installed</Title>
          <Text size="sm" c="dimmed" mt={4}>
            A plugin is a folder with a plugin.json and an entry file. It sees every request that goes through
            the gateway.
          </Text>
        </div>
        <ol className={classes['steps']}>
          <li>
            <Text size="sm" fw={600}>
              Make a folder with these two files
            </Text>
            <div className={classes['files']}>
              <figure>
                <figcaption>plugin.json</figcaption>
                <Code block>{manifest}</Code>
              </figure>
              <figure>
                <figcaption>index.js</figcaption>
                <Code block>{entry}</Code>
              </figure>
            </div>
          </li>
          <li>
            <Text size="sm">
              <b>Install from path</b> copies the folder, wherever it is. A folder that already lies in the
              service’s plugins folder is found by <b>Scan for plugins</b>.
            </Text>
          </li>
          <li>
            <Text size="sm">
              <b>Activate</b> it in the list. Its log is on its own page.
            </Text>
          </li>
        </ol>
      </Stack>
    </Panel>
  );
}
