import { operationSteps } from '@omniroute/server/plugins/operation';
import { describe, test } from 'vitest';
import { killAtEveryStep, type KillScenario } from '../../helpers/kill-at-every-step.ts';
import { act, install } from '../../helpers/plugin-calls.ts';
import type { Service } from '../../helpers/service.ts';

const { activate, configure } = operationSteps;

const addActive = async (service: Service, path: string, options = {}) => {
  await install(service, path, options);
  await act(service, 'grows', 'activate');
};

const scenarios: KillScenario[] = [
  {
    what: 'an installation that activates',
    prepare: async () => {},
    operate: async (caller, version) =>
      install(caller, await version('1.0.0', { manifest: { enabledByDefault: true } })),
    doneAt: 'install:committed:1',
    steps: [...operationSteps.install, ...activate],
  },
  {
    what: 'an uninstallation',
    prepare: async (service, version) => {
      await addActive(service, await version('1.0.0'));
      await install(service, await version('2.0.0'));
    },
    operate: async (caller) => act(caller, 'grows', 'uninstall'),
    doneAt: 'uninstall:begun:1',
    steps: operationSteps.uninstall,
  },
  {
    what: 'an activation',
    prepare: async (service, version) => install(service, await version('1.0.0')),
    operate: async (caller) => act(caller, 'grows', 'activate'),
    doneAt: 'activate:saved:1',
    steps: activate,
  },
  {
    what: 'a change of config',
    prepare: async (service, version) => addActive(service, await version('1.0.0')),
    operate: async ({ call }) => call('PUT', '/api/plugins/grows/config', { config: { greeting: 'hi' } }),
    doneAt: 'configure:stored:1',
    steps: configure,
  },
];

describe.concurrent('after the service is killed at any step, the next start finds the old state or the new one, whole:', () => {
  test.each(scenarios)('$what', { timeout: 240_000 }, killAtEveryStep);
});
