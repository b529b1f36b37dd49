import type { ErrorBody } from '@omniroute/shared/error-code';
import type { Done, InstallInput, InstallOutput } from '@omniroute/shared/plugin';
import type { PipelineRequestOutput } from '@omniroute/shared/pipeline';
import type { Service } from './service.ts';

type Caller = Pick<Service, 'call'>;

export async function install(service: Caller, path: string, options: Omit<InstallInput, 'path'> = {}) {
  const { status, body } = await service.call<InstallOutput & ErrorBody>('POST', '/api/plugins', {
    path,
    ...options,
  });
  return { status, plugin: body.plugin, warning: body.warning, error: body.error };
}

export async function act(
  service: Caller,
  name: string,
  action: 'activate' | 'deactivate' | 'restart' | 'rollback' | 'uninstall',
) {
  const [method, path] = action === 'uninstall' ? ['DELETE', ''] : ['POST', `/${action}`];
  const { status, body } = await service.call<Done & ErrorBody>(method, `/api/plugins/${name}${path}`);
  return { status, message: body.message, error: body.error };
}

/** Sends one request through the hooks, without an upstream: what `pipeline.request` answers. */
export async function runRequest(service: Caller, body: unknown = { model: 'test-model', messages: [] }) {
  const answer = await service.call<{ result: { data: PipelineRequestOutput } }>(
    'POST',
    '/trpc/pipeline.request',
    { body },
  );
  return answer.body.result.data;
}
