import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { install, runRequest } from '../helpers/plugin-calls.ts';
import { startServiceProcess } from '../helpers/service-process.ts';
import { startService } from '../helpers/service.ts';
import { type SmallDisk, smallDisk } from '../helpers/small-disk.ts';
import { failToStart } from '../helpers/start-script.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { answerText, type Fault, nothingLost, type Outcome } from './fault.ts';
import { addGrowing, configureGrowing, growingText, growingVersion } from './growing-plugin.ts';

const env = { OMNIROUTE_AUTH_TOKEN: 'token' };
const whole = '`active`, serves 1.0.0 kept';

async function unwritable(
  spoil: (disk: SmallDisk) => Promise<void>,
  mend: (disk: SmallDisk) => Promise<void>,
) {
  await using disk = await smallDisk(8);
  await using folder = await temporaryFolder();
  await using service = await startServiceProcess(disk.path, env, disk.prefix);
  await addGrowing(service, folder.path);
  await spoil(disk);
  const upgraded = await install(service, await growingVersion(folder.path, '2.0.0'));
  const { metadata } = await runRequest(service);
  const serving = await growingText(service);
  await mend(disk);
  const again = await install(service, await growingVersion(folder.path, '2.0.0'), { keepConfig: true });
  return {
    answers: `an upgrade: ${answerText(upgraded.status, upgraded.error?.code)}; requests: ${metadata ? 200 : 'none'}`,
    afterwards: serving,
    lost:
      again.status === 201 && (await growingText(service)) === '`active`, serves 2.0.0 kept'
        ? nothingLost
        : 'the plugin',
  };
}

/** @param spoil resolves with the function that mends it */
async function refusedStart(spoil: (dataDir: string) => Promise<() => Promise<void>>): Promise<Outcome> {
  await using work = await temporaryFolder();
  const dataDir = join(work.path, 'data');
  {
    await using service = await startServiceProcess(dataDir);
    await addGrowing(service, work.path);
    await service.end('SIGKILL');
  }
  const mend = await spoil(dataDir);
  const { code, stderr } = await failToStart({ HOME: dataDir, OMNIROUTE_DATA_DIR: dataDir });
  const [said = stderr] = /another program holds the database locked|is damaged/.exec(stderr) ?? [];
  await mend();
  await using service = await startService({ dataDir });
  return {
    answers: `exit code ${code}`,
    afterwards: `it says "${said}"`,
    lost: (await growingText(service)) === whole ? nothingLost : await growingText(service),
  };
}

/** Faults of the disk and of the database. */
export const storageFaults: readonly Fault[] = [
  {
    what: 'the disk is full',
    expected: {
      answers: 'an upgrade: 422 UPGRADE_FAILED; requests: 200',
      afterwards: whole,
      lost: nothingLost,
    },
    provoke: () =>
      unwritable(
        (disk) => disk.fill(),
        (disk) => disk.free(),
      ),
  },
  {
    what: 'the plugins folder is read-only',
    expected: {
      answers: 'an upgrade: 422 UPGRADE_FAILED; requests: 200',
      afterwards: whole,
      lost: nothingLost,
    },
    provoke: () =>
      unwritable(
        (disk) => disk.freeze('plugins'),
        (disk) => disk.thaw('plugins'),
      ),
  },
  {
    what: 'another program holds the database while the service runs',
    expected: {
      answers: 'a change of config: 500 INTERNAL after 5 s; requests: 200',
      afterwards: whole,
      lost: nothingLost,
    },
    provoke: async () => {
      await using folder = await temporaryFolder();
      await using service = await startService();
      await addGrowing(service, folder.path);
      const other = new Database(join(service.dataDir, 'omniroute.sqlite'));
      other.exec('BEGIN IMMEDIATE');
      const startedAt = performance.now();
      const change = configureGrowing(service, 'new');
      const { status } = await service.chat();
      const { status: refused, body } = await change;
      const seconds = Math.floor((performance.now() - startedAt) / 1_000);
      other.close();
      return {
        answers: `a change of config: ${answerText(refused, body.error?.code)} after ${seconds} s; requests: ${status}`,
        afterwards: await growingText(service),
        lost: (await configureGrowing(service, 'new')).status === 200 ? nothingLost : 'the config',
      };
    },
  },
  {
    what: 'another program holds the database at the start',
    expected: {
      answers: 'exit code 1',
      afterwards: 'it says "another program holds the database locked"',
      lost: nothingLost,
    },
    provoke: () =>
      refusedStart(async (dataDir) => {
        const other = new Database(join(dataDir, 'omniroute.sqlite'));
        other.pragma('locking_mode = EXCLUSIVE');
        other.exec('BEGIN EXCLUSIVE; CREATE TABLE other (id TEXT); COMMIT; BEGIN EXCLUSIVE');
        return async () => {
          other.exec('ROLLBACK; DROP TABLE other');
          other.close();
        };
      }),
  },
  {
    what: 'the database is damaged in its middle; a backup is put in its place',
    expected: { answers: 'exit code 1', afterwards: 'it says "is damaged"', lost: nothingLost },
    provoke: () =>
      refusedStart(async (dataDir) => {
        const file = join(dataDir, 'omniroute.sqlite');
        const other = new Database(file);
        other.pragma('wal_checkpoint(TRUNCATE)');
        const page = Number(
          other.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'idx_plugins_status'`).pluck().get(),
        );
        other.close();
        const backup = await readFile(file);
        const handle = await open(file, 'r+');
        await handle.write(Buffer.alloc(4_096, 0xff), 0, 4_096, (page - 1) * 4_096);
        await handle.close();
        return () => writeFile(file, backup);
      }),
  },
];
