import type { ErrorBody } from '@omniroute/shared/error-code';
import type { InstallOutput } from '@omniroute/shared/plugin';
import type { RestCaller } from '../helpers/rest-caller.ts';
import { defaultWord, packageOf, type PlayerName, type Version } from './cast.ts';
import { candidates, type PluginWatch, versionOf } from './plugin-watch.ts';

export const operationKinds = [
  'activate',
  'deactivate',
  'restart',
  'upgrade',
  'replace',
  'older',
  'rollback',
  'configure',
  'crash',
] as const;
export type OperationKind = (typeof operationKinds)[number];

export interface Answered {
  status: number;
  /** Null where there is none. */
  code: string | null;
  message: string;
}

/** The operations of an operator on one plugin, each with what may come of it. */
export class Operations {
  readonly #watch: PluginWatch;
  readonly #call: RestCaller;
  readonly #packages: string;

  constructor({ watch, call, packages }: { watch: PluginWatch; call: RestCaller; packages: string }) {
    this.#watch = watch;
    this.#call = call;
    this.#packages = packages;
  }

  activate(): Promise<Answered> {
    return this.#act('activate', {});
  }

  deactivate(): Promise<Answered> {
    return this.#act('deactivate', { off: true });
  }

  restart(): Promise<Answered> {
    return this.#act('restart', { down: true });
  }

  rollback(): Promise<Answered> {
    return this.#watch.during({ down: true, ...this.#watch.rolledBack }, () => this.#post('/rollback'));
  }

  /** Puts another version in the place of the installed one. */
  async replace(version: Version, how: { replace: boolean; keepConfig: boolean }): Promise<Answered> {
    const watch = this.#watch;
    const { candidates: before } = watch;
    const words = how.keepConfig ? before.words : new Set([defaultWord]);
    return watch.during({ down: true, versions: new Set([version]), words }, async () => {
      const path = packageOf(this.#packages, this.#name, version);
      const answered = await this.#call<InstallOutput & ErrorBody>('POST', '/api/plugins', { path, ...how });
      if (answered.status === 201) watch.replaced(watch.candidates);
      return answeredBy(answered);
    });
  }

  async configure(word: string): Promise<Answered> {
    return this.#watch.during({ words: new Set([word]) }, async () =>
      answeredBy(
        await this.#call<ErrorBody>('PUT', `/api/plugins/${this.#name}/config`, { config: { word } }),
      ),
    );
  }

  get #name(): PlayerName {
    return this.#watch.player.name;
  }

  /** An operation that starts the version that is there, or stops it. */
  async #act(action: string, outcome: { down?: boolean; off?: boolean }): Promise<Answered> {
    const watch = this.#watch;
    const serving = action === 'deactivate' ? {} : candidates([versionOf(await watch.read())]);
    return watch.during({ ...outcome, ...serving }, () => this.#post(`/${action}`));
  }

  async #post(path: string): Promise<Answered> {
    return answeredBy(await this.#call<ErrorBody>('POST', `/api/plugins/${this.#name}${path}`));
  }
}

function answeredBy({ status, body }: { status: number; body: Partial<ErrorBody> }): Answered {
  return { status, code: body.error?.code ?? null, message: body.error?.message ?? '' };
}
