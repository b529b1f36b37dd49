import type { PluginStatus, PluginSummary } from '@omniroute/shared/plugin';

export interface PluginFilter {
  text: string;
  status: PluginStatus | null;
}

/** Every word of the text has to occur in the name, the description, a tag or a hook. */
export function matchesText({ name, description, tags, hooks }: PluginSummary, text: string): boolean {
  const searched = [name, description ?? '', ...tags, ...hooks].join(' ').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}
