import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataDir } from '@omniroute/server/database/data-dir';
import { readServiceInfo, ServiceLock } from '@omniroute/server/database/service-lock';
import { StartupError } from '@omniroute/server/startup-error';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'omniroute-lock-'));
});
afterEach(() => rm(dir, { recursive: true }));

const info = { pid: 4_242, port: 20_128, startedAt: '2026-01-01T00:00:00.000Z' };

describe('the service lock', () => {
  test('keeps a second service out and tells where the first one is', async () => {
    const lock = await ServiceLock.acquire(dir);
    await expect(ServiceLock.acquire(dir)).rejects.toThrow(/already starting on this data directory/);
    await lock.announce(info);
    expect(await readServiceInfo(dir)).toEqual(info);
    const second = ServiceLock.acquire(dir);
    await expect(second).rejects.toThrow(StartupError);
    await expect(second).rejects.toThrow(
      /process 4242, http:\/\/localhost:20128\): stop it with `kill 4242`/,
    );
    await lock.release();
    expect(await readServiceInfo(dir)).toBeNull();
    await (await ServiceLock.acquire(dir)).release();
  });

  test('is held across processes, and dropped with a process that is killed', async () => {
    const module = import.meta.resolve('@omniroute/server/database/service-lock');
    const program = `const { ServiceLock } = await import(${JSON.stringify(module)});
      const lock = await ServiceLock.acquire(${JSON.stringify(dir)});
      await lock.announce({ pid: process.pid, port: 1, startedAt: '' });
      console.log('held');
      setInterval(() => lock, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    await expect(ServiceLock.acquire(dir)).rejects.toThrow(`process ${child.pid}`);
    child.kill('SIGKILL');
    await exited;
    await (await ServiceLock.acquire(dir)).release();
  });

  test('that is damaged is one sentence', async () => {
    await writeFile(
      join(dir, 'service.lock'),
      'no database at all, but long enough to be taken for one'.repeat(20),
    );
    await expect(ServiceLock.acquire(dir)).rejects.toThrow(
      /service\.lock in .* cannot be locked .*: delete it/,
    );
  });

  test('reads a service.json that is no such thing as none', async () => {
    await writeFile(join(dir, 'service.json'), '{"pid":');
    expect(await readServiceInfo(dir)).toBeNull();
  });
});

describe('the data directory', () => {
  test('is created closed to others', async () => {
    const path = await openDataDir(join(dir, 'a', 'b'));
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  test('is closed to others if it was open', async () => {
    await mkdir(join(dir, 'open'));
    await chmod(join(dir, 'open'), 0o755);
    expect((await stat(await openDataDir(join(dir, 'open')))).mode & 0o777).toBe(0o700);
  });

  test('is known by its real path', async () => {
    await mkdir(join(dir, 'real'));
    await symlink(join(dir, 'real'), join(dir, 'link'));
    expect(await openDataDir(join(dir, 'link'))).toBe(await realpath(join(dir, 'real')));
  });

  test('that cannot be made is one sentence', async () => {
    await writeFile(join(dir, 'file'), '');
    const opened = openDataDir(join(dir, 'file', 'data'));
    await expect(opened).rejects.toThrow(StartupError);
    await expect(opened).rejects.toThrow(/set OMNIROUTE_DATA_DIR to a directory that you may write to\.$/);
    expect(await readFile(join(dir, 'file'), 'utf8')).toBe('');
  });
});
