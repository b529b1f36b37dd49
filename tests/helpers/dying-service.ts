// A program: the service, killed by SIGKILL the moment it has made the step that DIE_AT names, as `kind:step:nth`.
// Prints `step <kind> <step>` for every step, and its address once it listens.
import { writeSync } from 'node:fs';
import { createApp } from '@omniroute/server/app';
import { parseConfig, readEnv } from '@omniroute/server/config';
import { createLogger } from '@omniroute/server/logger';
import { z } from 'zod';
import { withoutBubblewrap } from './sandbox-tools.ts';

const lineSchema = z.object({ msg: z.literal('operation.step'), kind: z.string(), step: z.string() });
const dieAt = process.env['DIE_AT'];
const seen = new Map<string, number>();

function onLine(line: string) {
  const { data } = lineSchema.safeParse(JSON.parse(line));
  if (data === undefined) return;
  const { kind, step } = data;
  writeSync(1, `step ${kind} ${step}\n`);
  const nth = (seen.get(`${kind}:${step}`) ?? 0) + 1;
  seen.set(`${kind}:${step}`, nth);
  if (`${kind}:${step}:${nth}` === dieAt) process.kill(process.pid, 'SIGKILL');
}

// Started dozens of times, to see what becomes of files and rows: what confines plugins is others' to test.
const app = await createApp(parseConfig(readEnv()), {
  logger: createLogger('debug', { write: onLine }),
  findSandboxTools: withoutBubblewrap,
});
writeSync(1, `listens http://127.0.0.1:${app.port}\n`);
process.once('SIGTERM', () => {
  void app[Symbol.asyncDispose]().then(() => process.exit(0));
});
// It never outlives the test that started it.
process.stdin.resume().once('end', () => process.exit(1));
