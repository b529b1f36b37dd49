import { operationSteps } from '@omniroute/server/plugins/operation';
import { describe, test } from 'vitest';
import { killAtEveryStep, type KillScenario } from '../../helpers/kill-at-every-step.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import type { Service } from '../../helpers/service.ts';

const { activate } = operationSteps;

const addActive = async (service: Service, path: string, options = {}) => {
  await install(service, path, options);
  await act(service, 'grows', 'activate');
};

const withoutData = { requires: {}, hooks: { onRequest: true, onActivate: true } };
const writeAndThrow = `writeFileSync(join(process.env.PLUGIN_DATA_DIR, 'new-format'), 'x'); throw new Error('not today');`;

const scenarios: KillScenario[] = [
  {
    what: 'an upgrade of an active plugin that has a previous version already',
    prepare: async (service, version) => {
      await addActive(service, await version('1.0.0'));
      await install(service, await version('2.0.0'));
      await service.call('PUT', '/api/plugins/grows/config', { config: { greeting: 'hi' } });
    },
    operate: async (caller, version) => install(caller, await version('3.0.0'), { keepConfig: true }),
    doneAt: 'upgrade:committed:1',
    steps: [...operationSteps.upgrade, ...activate],
  },
  {
    what: 'an upgrade whose new version writes its first data, and does not activate',
    prepare: async (service, version) => {
      await addActive(service, await version('1.0.0', { manifest: withoutData }));
      await install(service, await version('2.0.0', { manifest: withoutData }));
    },
    operate: async (caller, version) =>
      install(caller, await version('3.0.0', { onActivate: writeAndThrow }), {
        permissions: ['file-write'],
      }),
    doneAt: null,
    steps: [
      ...operationSteps.upgrade.filter((step) => step !== 'committed'),
      'reverting',
      'reverted',
      ...activate,
    ],
  },
  {
    what: 'a rollback',
    prepare: async (service, version) => {
      await addActive(service, await version('1.0.0'));
      await service.call('PUT', '/api/plugins/grows/config', { config: { greeting: 'hi' } });
      await install(service, await version('2.0.0'));
    },
    operate: async (caller) => act(caller, 'grows', 'rollback'),
    doneAt: 'rollback:committed:1',
    steps: [...operationSteps.rollback, ...activate],
  },
];

describe.concurrent('after the service is killed at any step, the next start finds the old state or the new one, whole:', () => {
  test.each(scenarios)('$what', { timeout: 240_000 }, killAtEveryStep);
});
