import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { act } from '../helpers/plugin-calls.ts';
import { startService } from '../helpers/service.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { answerText, type Fault, nothingLost } from './fault.ts';
import { addGrowing, growing, growingDetail, growingText } from './growing-plugin.ts';

const whole = '`active`, serves 1.0.0 kept';
const year = 365 * 24 * 3_600_000;

/** Hands change the folder of a plugin that runs; it is restarted, and put right again. */
function folderFault(
  what: string,
  { spoil, code, reason }: { spoil: (dir: string) => Promise<unknown>; code: string; reason: string },
): Fault {
  const [status] = code.split(' ');
  return {
    what,
    expected: {
      answers: `requests before: 200; a restart: ${code}`,
      afterwards: `\`error\`: "${reason} …"`,
      lost: nothingLost,
    },
    provoke: async () => {
      await using folder = await temporaryFolder();
      await using service = await startService();
      await addGrowing(service, folder.path);
      const dir = join(service.dataDir, 'plugins', growing);
      const backup = join(folder.path, 'backup');
      await cp(dir, backup, { recursive: true });
      await spoil(dir);
      const before = (await service.chat()).status;
      const restarted = await act(service, growing, 'restart');
      const { errorMessage, status: now } = await growingDetail(service);
      await rm(dir, { recursive: true, force: true });
      await rename(backup, dir);
      await act(service, growing, 'activate');
      const isSaid = errorMessage?.includes(reason) === true && String(restarted.status) === status;
      return {
        answers: `requests before: ${before}; a restart: ${answerText(restarted.status, restarted.error?.code)}`,
        afterwards: `\`${now}\`: "${isSaid ? reason : (errorMessage ?? '')} …"`,
        lost: (await growingText(service)) === whole ? nothingLost : 'the plugin',
      };
    },
  };
}

async function edit(dir: string, changes: object): Promise<void> {
  const file = join(dir, 'plugin.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...changes }));
}

function clockFault(direction: 'forward' | 'back', jumpMs: number): Fault {
  return {
    what: `the clock is set ${direction} by a year`,
    expected: {
      answers: 'requests: 200; a restart: 200',
      afterwards: `${whole}, and after the next start, too`,
      lost: nothingLost,
    },
    provoke: async () => {
      await using work = await temporaryFolder();
      const dataDir = join(work.path, 'data');
      let offsetMs = 0;
      const now = () => new Date(Date.now() + offsetMs);
      let answers: string;
      let first: string;
      {
        await using service = await startService({ dataDir, now });
        await addGrowing(service, work.path);
        offsetMs = jumpMs;
        const { status } = await service.chat();
        answers = `requests: ${status}; a restart: ${(await act(service, growing, 'restart')).status}`;
        first = await growingText(service);
      }
      await using service = await startService({ dataDir, now });
      const second = await growingText(service);
      return {
        answers,
        afterwards: `${first}${second === first ? ', and after the next start, too' : `, then ${second}`}`,
        lost: second === whole ? nothingLost : 'the plugin',
      };
    },
  };
}

export const folderFaults: readonly Fault[] = [
  folderFault("a plugin's folder is deleted", {
    spoil: (dir) => rm(dir, { recursive: true }),
    code: '422 ACTIVATION_FAILED',
    reason: 'Its folder is gone',
  }),
  folderFault('`plugin.json` is edited by hand, and is not valid', {
    spoil: (dir) => edit(dir, { version: 'one' }),
    code: '422 ACTIVATION_FAILED',
    reason: 'version',
  }),
  folderFault('`plugin.json` is edited by hand, and asks for more permissions', {
    spoil: (dir) => edit(dir, { requires: { permissions: ['network'] } }),
    code: '412 CONSENT_REQUIRED',
    reason: 'network',
  }),
  folderFault('an entry file is edited under its `integrity`', {
    spoil: (dir) => edit(dir, { integrity: `sha256-${'A'.repeat(43)}=` }),
    code: '422 ACTIVATION_FAILED',
    reason: 'The entry file does not match "integrity"',
  }),
];

export const clockFaults: readonly Fault[] = [clockFault('forward', year), clockFault('back', -year)];
