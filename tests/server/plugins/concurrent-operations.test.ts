import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fixture } from '../../helpers/fixture.ts';
import { footprint } from '../../helpers/footprint.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import { leavesOf } from '../../helpers/processes.ts';
import { type Service, startService } from '../../helpers/service.ts';

const names = ['reports-process', 'logs-its-life', 'exits-at-load'];
const actions = ['install', 'replace', 'activate', 'deactivate', 'restart', 'uninstall'] as const;

async function perform(service: Service, name: string, action: (typeof actions)[number]) {
  if (action === 'install') return install(service, fixture(name));
  if (action === 'replace') return install(service, fixture(name), { replace: true });
  return act(service, name, action);
}

test('whatever is asked for at the same time, what is said afterwards is what is there', async () => {
  await using service = await startService();
  const operation = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...actions));
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 8, maxLength: 16 }), async (operations) => {
      const answers = await Promise.all(operations.map(([name, action]) => perform(service, name, action)));
      expect(answers.filter(({ status }) => ![200, 201, 404, 409, 422].includes(status))).toEqual([]);

      const plugins = await Promise.all((await service.plugins()).map(({ name }) => service.plugin(name)));
      for (const { status, process } of plugins) {
        expect({ running: status === 'active' }).toEqual({ running: process.pid !== null });
        expect(['stopped', 'running', 'failed']).toContain(process.state);
      }
      const pids = plugins.flatMap(({ process: { pid } }) => (pid === null ? [] : [pid]));
      expect(new Set(await leavesOf(process.pid))).toEqual(new Set(pids));

      const folders = (await readdir(join(service.dataDir, 'plugins'))).filter(
        (folder) => folder !== '.previous',
      );
      expect(folders.toSorted()).toEqual(plugins.map(({ name }) => name));
      expect((await footprint(service.dataDir)).operations).toEqual([]);
    }),
    { numRuns: 10 },
  );
});
