import { bodyMaxBytes } from '@omniroute/shared/pipeline';

export const manageBodyMaxBytes = 1024 ** 2;
export const pipelineBodyMaxBytes = bodyMaxBytes;
export const maxBatchSize = 20;
