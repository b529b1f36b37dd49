import { expect, test } from 'vitest';
import { query } from '../../helpers/footprint.ts';
import { startService } from '../../helpers/service.ts';

const columns = [
  // name, type, not null, default, primary key
  ['id', 'TEXT', 0, null, 1],
  ['name', 'TEXT', 1, null, 0],
  ['version', 'TEXT', 1, "'1.0.0'", 0],
  ['description', 'TEXT', 0, null, 0],
  ['author', 'TEXT', 0, null, 0],
  ['license', 'TEXT', 0, "'MIT'", 0],
  ['main', 'TEXT', 1, "'index.js'", 0],
  ['source', 'TEXT', 0, "'local'", 0],
  ['tags', 'TEXT', 0, "'[]'", 0],
  ['status', 'TEXT', 1, "'installed'", 0],
  ['enabled', 'INTEGER', 1, '0', 0],
  ['manifest', 'TEXT', 1, null, 0],
  ['config', 'TEXT', 0, "'{}'", 0],
  ['config_schema', 'TEXT', 0, "'{}'", 0],
  ['hooks', 'TEXT', 0, "'[]'", 0],
  ['permissions', 'TEXT', 0, "'[]'", 0],
  ['plugin_dir', 'TEXT', 1, null, 0],
  ['error_message', 'TEXT', 0, null, 0],
  ['installed_at', 'TEXT', 1, "datetime('now')", 0],
  ['updated_at', 'TEXT', 1, "datetime('now')", 0],
  ['activated_at', 'TEXT', 0, null, 0],
];

test("the plugins table has the seed's columns, with its defaults", async () => {
  await using service = await startService();
  const info = query(service.dataDir, 'PRAGMA table_info(plugins)');
  const found = info.map(({ name, type, notnull, dflt_value, pk }) => [name, type, notnull, dflt_value, pk]);
  expect(found).toEqual(columns);
});

test('a name is there once, and a status is one of the four', async () => {
  await using service = await startService();
  const unique = query(service.dataDir, 'PRAGMA index_list(plugins)').filter((index) => index.origin === 'u');
  expect(unique).toHaveLength(1);
  const [{ sql } = { sql: '' }] = query(
    service.dataDir,
    "SELECT sql FROM sqlite_master WHERE name = 'plugins'",
  );
  expect(sql).toMatch(/CHECK \(status IN \('installed', 'active', 'inactive', 'error'\)\)/);
});

test('a row holds JSON, ISO 8601 times and 0 or 1', async () => {
  await using service = await startService();
  await service.add('reports-config');
  const [row = {}] = query(service.dataDir, 'SELECT * FROM plugins');
  const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(row).toMatchObject({
    enabled: 1,
    installed_at: iso,
    updated_at: iso,
    activated_at: iso,
    tags: '[]',
    permissions: '[]',
  });
  expect(JSON.parse(String(row.hooks))).toEqual(['onRequest', 'onConfigChange']);
  expect(JSON.parse(String(row.manifest))).toMatchObject({ name: 'reports-config' });
  expect(JSON.parse(String(row.config_schema))).toHaveProperty('greeting');
});
