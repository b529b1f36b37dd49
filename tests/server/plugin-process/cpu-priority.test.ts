import { constants, getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { startService } from '../../helpers/service.ts';

const { PRIORITY_LOW, PRIORITY_NORMAL } = constants.priority;

test('a plugin that keeps a core busy stands back behind the others, until it is calm', async () => {
  await using service = await startService();
  const innocent = await service.add('reports-process');
  const { process: child } = await service.add('computes-when-told');
  const priorityOf = (pid: number | null) => getPriority(pid ?? -1);
  expect(priorityOf(child.pid)).toBe(PRIORITY_NORMAL);
  await service.chat({ content: 'compute' });
  await service.until(async () => priorityOf(child.pid) === PRIORITY_LOW);
  expect(priorityOf(innocent.process.pid)).toBe(PRIORITY_NORMAL);
  await service.chat({ content: 'rest' });
  const mayRaise = process.getuid?.() === 0;
  if (mayRaise) await service.until(async () => priorityOf(child.pid) === PRIORITY_NORMAL);
  else expect(priorityOf(child.pid)).toBe(PRIORITY_LOW);
  expect((await service.plugin('computes-when-told')).process).toMatchObject({ pid: child.pid, restarts: 0 });
});
