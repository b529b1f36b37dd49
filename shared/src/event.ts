import { z } from 'zod';
import { logLineSchema } from './plugin.ts';

/** The topics of `events.stream`; `install` and `traces` carry nothing yet. */
export const eventTopics = ['plugins', 'logs', 'install', 'metrics', 'traces'] as const;
export type EventTopic = (typeof eventTopics)[number];

export const serviceEventSchema = z.discriminatedUnion('topic', [
  /** Something of this plugin changed: read it again. */
  z.object({ topic: z.literal('plugins'), name: z.string(), change: z.enum(['updated', 'removed']) }),
  z.object({ topic: z.literal('logs'), name: z.string(), line: logLineSchema }),
  /** More calls of these plugins were counted. */
  z.object({ topic: z.literal('metrics'), names: z.array(z.string()) }),
]);
export type ServiceEvent = z.infer<typeof serviceEventSchema>;

export const streamInputSchema = z.strictObject({
  topics: z.array(z.enum(eventTopics)).min(1).max(eventTopics.length),
  lastEventId: z.string().nullish(),
});
