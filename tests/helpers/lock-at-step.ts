import { join } from 'node:path';
import Database from 'better-sqlite3';
import { z } from 'zod';
import type { Service } from './service.ts';

const lineSchema = z.object({ msg: z.literal('operation.step'), kind: z.string(), step: z.string() });

/** Another program holds the database until it is disposed. */
export function lockDatabase(dataDir: string): Disposable {
  const connection = new Database(join(dataDir, 'omniroute.sqlite'), { timeout: 0 });
  connection.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => connection.close() };
}

/** Holds the database locked from the moment that an operation of the service has made a step, until it is disposed. */
export function lockAtStep(
  service: Service,
  kind: string,
  step: string,
): Disposable & { readonly reached: boolean } {
  let lock: Disposable | undefined;
  const push = service.log.push.bind(service.log);
  service.log.push = (line: string) => {
    const { data } = lineSchema.safeParse(JSON.parse(line));
    if (lock === undefined && data?.kind === kind && data.step === step) lock = lockDatabase(service.dataDir);
    return push(line);
  };
  return {
    get reached() {
      return lock !== undefined;
    },
    [Symbol.dispose]: () => {
      service.log.push = push;
      lock?.[Symbol.dispose]();
    },
  };
}
