import { expect, test } from 'vitest';
import { addVariant } from '../../helpers/plugin-variant.ts';
import { type Service, startService } from '../../helpers/service.ts';

function adds(word: string, onRequest: object | true = true, name = `adds-${word}`) {
  return { name, hooks: { onRequest }, configSchema: { word: { type: 'string', default: word } } };
}

async function echo(service: Service): Promise<string> {
  const { choices } = await (await service.chat({ content: '' })).json();
  return choices[0].message.content;
}

test('a lower priority runs earlier, and each plugin sees what earlier ones changed', async () => {
  await using service = await startService();
  await addVariant(service, 'adds-word', adds('third', { priority: 200 }));
  await addVariant(service, 'adds-word', adds('second'));
  await addVariant(service, 'adds-word', adds('first', { priority: 1 }));
  expect(await echo(service)).toBe('firstsecondthird');
});

test('of the same priority the plugin that was installed earlier runs first, also after a deactivation', async () => {
  const clock = { now: new Date('2026-01-01T00:00:00Z') };
  await using service = await startService({ now: () => clock.now });
  await addVariant(service, 'adds-word', adds('z'));
  clock.now = new Date('2026-01-01T00:00:01Z');
  await addVariant(service, 'adds-word', adds('a'));
  expect(await echo(service)).toBe('za');
  await service.call('POST', '/api/plugins/adds-z/deactivate');
  expect(await echo(service)).toBe('a');
  await service.call('POST', '/api/plugins/adds-z/activate');
  expect(await echo(service)).toBe('za');
});

test('of the same priority and age the name decides', async () => {
  const now = new Date('2026-01-01T00:00:00Z');
  await using service = await startService({ now: () => now });
  for (const word of ['c', 'a', 'b']) await addVariant(service, 'adds-word', adds(word));
  expect(await echo(service)).toBe('abc');
});
