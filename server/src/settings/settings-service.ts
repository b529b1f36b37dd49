import { secretMask } from '@omniroute/shared/plugin-config';
import type { Settings, SettingsPatch } from '@omniroute/shared/settings';
import { PluginError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import { pointsAtPort } from './points-at-port.ts';
import type { SettingsRepository } from './settings-repository.ts';

type ChangeListener = (settings: Settings) => void | Promise<void>;

interface SettingsServiceOptions {
  repository: SettingsRepository;
  runtime: Runtime;
  /** The bound port: an upstream there would be this service. */
  port: () => number;
}

/** The operator's settings. Changes of one call are stored together or not at all. */
export class SettingsService {
  readonly #repository: SettingsRepository;
  readonly #runtime: Runtime;
  readonly #port: () => number;
  readonly #listeners = new Set<ChangeListener>();

  constructor(options: SettingsServiceOptions) {
    this.#repository = options.repository;
    this.#runtime = options.runtime;
    this.#port = options.port;
  }

  /** For showing: the upstream's key is masked. */
  async get(): Promise<Settings> {
    return masked(await this.read());
  }

  /** For the service itself: with the upstream's key. */
  read(): Promise<Settings> {
    return this.#repository.read();
  }

  /** Writing the mask back keeps the stored key. Throws INVALID_REQUEST for an upstream that is this service. */
  async update(patch: SettingsPatch): Promise<Settings> {
    if (patch.upstreamBaseUrl && pointsAtPort(patch.upstreamBaseUrl, this.#port())) {
      const message = 'must not be the address of this service: the gateway would call itself';
      throw new PluginError('INVALID_REQUEST', `"upstreamBaseUrl" ${message}.`, {
        details: [{ path: 'upstreamBaseUrl', message }],
      });
    }
    await this.#repository.write(withoutMask(patch), this.#runtime.now());
    const settings = await this.read();
    for (const listener of this.#listeners) await listener(settings);
    return masked(settings);
  }

  /** Calls `listener` with the unmasked settings after each update, before it is answered. Returns the function that ends this. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function masked(settings: Settings): Settings {
  return settings.upstreamApiKey === null ? settings : { ...settings, upstreamApiKey: secretMask };
}

function withoutMask({ upstreamApiKey, ...rest }: SettingsPatch): SettingsPatch {
  return upstreamApiKey === undefined || upstreamApiKey === secretMask ? rest : { ...rest, upstreamApiKey };
}
